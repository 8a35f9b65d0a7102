"""What a store writes when a run ends, and how it tells the kinds of terminal events apart."""

from services.domain.costs import estimate_tokens
from services.domain.events import Done, Error, Terminal
from services.domain.runs import Settlement


def token_estimate(settlement: Settlement) -> int:
    """Give the tokens of the answer: their count if it is known, or else an estimate."""
    tokens = settlement.token_count
    return estimate_tokens(settlement.text) if tokens is None else tokens


def terminal_epoch(settlement: Settlement) -> int:
    """Give the epoch under which the terminal event stands in the log."""
    return settlement.told_epoch or settlement.epoch


def terminal_type(terminal: Terminal) -> str:
    """Name the kind of a terminal event, as it is stored."""
    return "done" if isinstance(terminal, Done) else "error"


def terminal_class(stored_type: str) -> type[Terminal]:
    """Give the class that a stored kind stands for."""
    return Done if stored_type == "done" else Error

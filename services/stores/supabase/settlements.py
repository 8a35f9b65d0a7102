"""`settle_turn` in Supabase: what is sent."""

from services.domain.costs import estimate_tokens
from services.domain.events import Done
from services.domain.runs import AttemptRecord, Settlement
from services.stores.supabase.rows import amount_text, terminal_json


def settlement_json(settlement: Settlement) -> dict[str, object]:
    """Describe how a run ends.

    Message and run get the usage and cost that the terminal event tells: the sum of all attempts.
    """
    terminal = settlement.terminal
    provider, model = _answered_by(settlement)
    return {
        "run_id": settlement.run_id,
        "epoch": settlement.epoch,
        "status": settlement.status,
        "content": settlement.text,
        "token_estimate": estimate_tokens(settlement.text),
        "finish_reason": settlement.finish_reason,
        "provider": provider,
        "model": model,
        "usage": terminal.usage,
        "cost_amount": amount_text(terminal.cost),
        "cost_currency": terminal.cost.currency if terminal.cost else None,
        "terminal": terminal_json(terminal),
        "terminal_epoch": settlement.told_epoch or settlement.epoch,
        "terminal_seq": settlement.terminal_seq,
        "ended_at": settlement.ended_at,
        "attempts": [_booked(attempt) for attempt in settlement.attempts],
    }


def _answered_by(settlement: Settlement) -> tuple[str | None, str | None]:
    """Tell which model wrote the text; none: the one of the begin."""
    if isinstance(settlement.terminal, Done):
        return settlement.terminal.provider, settlement.terminal.model
    if settlement.attempts:
        return settlement.attempts[-1].provider, settlement.attempts[-1].model
    return None, None


def _booked(attempt: AttemptRecord) -> dict[str, object]:
    usage, cost = attempt.usage, attempt.cost
    return {
        "number": attempt.number,
        "provider": attempt.provider,
        "model": attempt.model,
        "outcome": attempt.outcome,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "source": usage.source,
        "amount": amount_text(cost),
        "currency": cost.currency if cost else None,
    }

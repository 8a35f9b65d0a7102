"""The columns that a message and its run share: how the answer ended, and what it used and cost."""

import sqlite3

import msgspec

from services.domain.costs import Cost, Usage
from services.domain.sessions import FinishReason
from services.stores.base.costs import cost_of


def usage_text(usage: Usage) -> str:
    """Write a usage."""
    return msgspec.json.encode(usage).decode()


def answer_usage(row: sqlite3.Row) -> Usage | None:
    """Read what the answer used."""
    return None if row["usage"] is None else msgspec.json.decode(row["usage"], type=Usage)


def answer_cost(row: sqlite3.Row) -> Cost | None:
    """Read what it cost."""
    return cost_of(row["cost_amount"], row["cost_currency"])


def answer_finish(row: sqlite3.Row) -> FinishReason | None:
    """Read why it ended."""
    return None if row["finish_reason"] is None else FinishReason(row["finish_reason"])

"""What the provider calls of a run used and cost, in SQLite: booked at its end, never changed."""

import sqlite3
from collections.abc import Sequence

from services.domain.costs import Usage, UsageSource
from services.domain.runs import AttemptOutcome, AttemptRecord
from services.stores.base.costs import amount_text, cost_of, currency_of

_BOOK = """
INSERT INTO ledger (run_id, user_id, tenant_id, session_id, attempt, provider, model, outcome, code,
  input_tokens, output_tokens, cached_tokens, reasoning_tokens, usage_source, amount, currency,
  created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def book(
    connection: sqlite3.Connection, run: sqlite3.Row, attempts: Sequence[AttemptRecord], now: str
) -> None:
    """Insert a row for each call of a run."""
    owner = (run["id"], run["user_id"], run["tenant_id"], run["session_id"])
    connection.executemany(_BOOK, [(*owner, *_values(attempt), now) for attempt in attempts])


def attempts_of(connection: sqlite3.Connection, run_id: str) -> tuple[AttemptRecord, ...]:
    """Read the calls of a run in the order of their numbers."""
    rows = connection.execute("SELECT * FROM ledger WHERE run_id = ? ORDER BY attempt", (run_id,))
    return tuple(_record(row) for row in rows)


def _values(attempt: AttemptRecord) -> tuple[object, ...]:
    usage, cost = attempt.usage, attempt.cost
    return (
        attempt.number,
        attempt.provider,
        attempt.model,
        attempt.outcome,
        attempt.code,
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
        usage.source,
        amount_text(cost),
        currency_of(cost),
    )


def _record(row: sqlite3.Row) -> AttemptRecord:
    return AttemptRecord(
        number=row["attempt"],
        provider=row["provider"],
        model=row["model"],
        outcome=AttemptOutcome(row["outcome"]),
        usage=Usage(
            input_tokens=row["input_tokens"],
            output_tokens=row["output_tokens"],
            cached_tokens=row["cached_tokens"],
            reasoning_tokens=row["reasoning_tokens"],
            source=UsageSource(row["usage_source"]),
        ),
        cost=cost_of(row["amount"], row["currency"]),
        code=row["code"],
    )

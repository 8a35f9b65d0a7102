"""What the store holds, read as SQL and not through the code under test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.chat_client import Json
from stack.supabase_stack import SupabaseStack

_RUNS = "select * from runs where session_id = any ($1::uuid[])"
_MESSAGES = "select * from messages where session_id = any ($1::uuid[])"
_LEDGER = "select * from ledger where session_id = any ($1::uuid[])"
_ACTIVE = "select id from runs where status = 'streaming'"
_WORKERS = "select id, counter from workers"
_END = """
select r.status, r.finish_reason, r.terminal, r.terminal_epoch, r.terminal_seq, m.content,
  m.status as message_status
from runs as r join messages as m on m.id = r.message_id where r.id = $1
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows of some sessions, by id where they have one, in the order of their creation."""

    runs: Mapping[str, Json]
    messages: Mapping[str, Json]
    ledger: Sequence[Json]


def read_store(stack: SupabaseStack, sessions: Sequence[str]) -> Stored:
    """Read all rows of these sessions."""
    ids = "{" + ",".join(sessions) + "}"
    return Stored(
        runs=_in_order(stack.sql(_RUNS, ids)),
        messages=_in_order(stack.sql(_MESSAGES, ids)),
        ledger=stack.sql(_LEDGER, ids),
    )


def _in_order(rows: Sequence[Json]) -> Mapping[str, Json]:
    return {row["id"]: row for row in sorted(rows, key=lambda row: row["seq"])}


def active_runs(stack: SupabaseStack) -> list[str]:
    """List the runs that have not ended."""
    return [row["id"] for row in stack.sql(_ACTIVE)]


def workers_on_record(stack: SupabaseStack) -> dict[str, int]:
    """Give the beat counters of the workers on record."""
    return {row["id"]: row["counter"] for row in stack.sql(_WORKERS)}


def end_of(stack: SupabaseStack, run_id: str) -> Json | None:
    """Read how a run ended, and its text."""
    rows = stack.sql(_END, run_id)
    return rows[0] if rows else None

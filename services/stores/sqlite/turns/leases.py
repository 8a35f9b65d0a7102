"""Which worker owns which active run, in SQLite: beat, claim, and the workers on record."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from services.domain.events import Attempt
from services.domain.runs import BeatReply, ClaimedRun, RunBeat
from services.stores.base.calls import known_calls
from services.stores.base.times import time_text
from services.stores.sqlite.run_rows import model_of, run_of
from services.stores.sqlite.turns import checkpoints

_CLAIM = """
UPDATE runs SET worker_id = :worker_id, epoch = epoch + 1
WHERE id IN (
  SELECT id FROM runs
  WHERE status = 'streaming' AND worker_id IN (SELECT value FROM json_each(:dead))
  ORDER BY seq LIMIT :limit
)
RETURNING *
"""


def beat(
    connection: sqlite3.Connection, worker_id: str, beats: Sequence[RunBeat], now: datetime
) -> BeatReply:
    """Raise the counter, and store the pieces of the runs that are still this worker's."""
    _raise_counter(connection, worker_id, now)
    owned = {
        row["id"]: row
        for row in connection.execute(
            "SELECT * FROM runs WHERE worker_id = ? AND status = 'streaming' ORDER BY seq",
            (worker_id,),
        )
    }
    mine = [one for one in beats if one.run_id in owned and owned[one.run_id]["epoch"] == one.epoch]
    checkpoints.store_pieces(connection, mine)
    connection.executemany(
        "UPDATE runs SET calls = ?, attempt = ? WHERE id = ?",
        [
            (_calls_text(one.calls), len(one.calls), one.run_id)
            for one in mine
            if len(one.calls) > owned[one.run_id]["attempt"]
        ],
    )
    held = {one.run_id for one in mine}
    listed = {one.run_id for one in beats}
    return BeatReply(
        stop=frozenset(run_id for run_id in held if owned[run_id]["stop_requested_at"]),
        lost=frozenset(listed - held),
        unlisted=tuple(
            _claimed(connection, row) for id_, row in owned.items() if id_ not in listed
        ),
        others=_others(connection, worker_id),
    )


def claim(
    connection: sqlite3.Connection, worker_id: str, dead: Sequence[str], limit: int
) -> list[ClaimedRun]:
    """Move the oldest active runs of dead workers to this one, under a new epoch."""
    others = [other for other in dead if other != worker_id]
    asked = {"worker_id": worker_id, "dead": json.dumps(others), "limit": max(0, limit)}
    connection.execute(
        "INSERT INTO workers (id, seen_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
        (worker_id, time_text(datetime.now(UTC))),
    )
    rows = connection.execute(_CLAIM, asked).fetchall()
    return [_claimed(connection, row) for row in sorted(rows, key=lambda row: row["seq"])]


def _others(connection: sqlite3.Connection, worker_id: str) -> dict[str, int]:
    rows = connection.execute("SELECT id, counter FROM workers WHERE id <> ?", (worker_id,))
    return {row["id"]: row["counter"] for row in rows}


def _claimed(connection: sqlite3.Connection, row: sqlite3.Row) -> ClaimedRun:
    run, price = run_of(row), model_of(row).price
    return ClaimedRun(
        run=run,
        text=checkpoints.text_so_far(connection, row["id"]),
        top_seq=checkpoints.top_seq(connection, row["id"]),
        calls=known_calls(_calls_of(row), row["attempt"], run, price),
        stop_requested=row["stop_requested_at"] is not None,
        input_tokens=row["input_tokens"],
        price=price,
    )


def _calls_text(calls: Sequence[Attempt]) -> str:
    return msgspec.json.encode(calls).decode()


def _calls_of(row: sqlite3.Row) -> list[Attempt] | None:
    """Read the provider calls; None: no beat reported them."""
    return None if row["calls"] is None else msgspec.json.decode(row["calls"], type=list[Attempt])


def forget(connection: sqlite3.Connection, worker_ids: Sequence[str]) -> None:
    """Delete the given workers, except those that own an active run."""
    connection.execute(
        "DELETE FROM workers WHERE id IN (SELECT value FROM json_each(?)) AND NOT EXISTS"
        " (SELECT 1 FROM runs WHERE runs.worker_id = workers.id AND runs.status = 'streaming')",
        (json.dumps(list(worker_ids)),),
    )


def _raise_counter(connection: sqlite3.Connection, worker_id: str, now: datetime) -> None:
    connection.execute(
        "INSERT INTO workers (id, counter, seen_at) VALUES (?, 1, ?) ON CONFLICT (id)"
        " DO UPDATE SET counter = counter + 1, seen_at = excluded.seen_at",
        (worker_id, time_text(now)),
    )

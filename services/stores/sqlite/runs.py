"""Runs in SQLite: each promise of the contract is one transaction."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.domain.runs import (
    BeatReply,
    BeginTurn,
    BegunTurn,
    ClaimedRun,
    IdempotencyKey,
    Piece,
    Run,
    RunBeat,
    Settled,
    Settlement,
)
from services.stores.base import refusals
from services.stores.base.bounds import USUAL, Bounds
from services.stores.base.ids import is_uuid
from services.stores.base.runs import Replay, RunStore
from services.stores.base.times import time_text
from services.stores.sqlite import deletions, sessions
from services.stores.sqlite.file.database import Database
from services.stores.sqlite.purge import in_chunks
from services.stores.sqlite.run_rows import run_of
from services.stores.sqlite.turns import begin as turns
from services.stores.sqlite.turns import checkpoints, keys, leases, ledger
from services.stores.sqlite.turns import settle as settlements


class SqliteRuns(RunStore):
    """Opens the transactions; their contents are in `begin`, `settle` and `leases` of `turns`."""

    def __init__(self, database: Database, bounds: Bounds = USUAL) -> None:
        """Work on a migrated database."""
        self._database = database
        self._bounds = bounds

    def begin_turn(self, turn: BeginTurn) -> BegunTurn:
        """Begin a turn."""
        with self._database.write() as connection:
            return turns.begin(connection, turn, self._bounds.stored_bytes)

    def find_key(self, user_id: str, key: IdempotencyKey) -> Replay | None:
        """Look a key up."""
        if not is_uuid(user_id):
            return None
        with self._database.read() as connection:
            return keys.find(connection, user_id, key)

    def settle_turn(self, settlement: Settlement) -> Settled:
        """End a run."""
        with self._database.write() as connection:
            return settlements.settle(connection, settlement)

    def get(self, user_id: str, run_id: str) -> Run:
        """Read the row, and the calls that are booked for it."""
        with self._database.read() as connection:
            return _booked(connection, _owned(connection, user_id, run_id))

    def latest(self, user_id: str, session_id: str) -> Run | None:
        """Read the newest row; an active run is always the newest of its session."""
        with self._database.read() as connection:
            sessions.owned(connection, user_id, session_id)
            row = connection.execute(
                "SELECT * FROM runs WHERE session_id = ? ORDER BY seq DESC LIMIT 1", (session_id,)
            ).fetchone()
            return None if row is None else run_of(row)

    def text(self, user_id: str, run_id: str) -> str:
        """Read the message of an ended run, the checkpoints of an active one."""
        with self._database.read() as connection:
            run = run_of(_owned(connection, user_id, run_id))
            if run.is_active:
                return checkpoints.text_so_far(connection, run.id)
            row = connection.execute(
                "SELECT content FROM messages WHERE id = ?", (run.message_id,)
            ).fetchone()
            return str(row["content"])

    def progress(self, user_id: str, run_id: str) -> Piece:
        """Put the checkpoints together; those of an ended run were deleted."""
        with self._database.read() as connection:
            run_id = _owned(connection, user_id, run_id)["id"]
            top = checkpoints.top_seq(connection, run_id)
            return Piece(top, checkpoints.text_so_far(connection, run_id))

    def request_stop(self, user_id: str, run_id: str, now: datetime) -> Run:
        """Mark an active run; the time of the first request stays."""
        with self._database.write() as connection:
            run = _booked(connection, _owned(connection, user_id, run_id))
            if run.is_active:
                connection.execute(
                    "UPDATE runs SET stop_requested_at = coalesce(stop_requested_at, ?)"
                    " WHERE id = ?",
                    (time_text(now), run.id),
                )
            return run

    def beat(self, worker_id: str, beats: Sequence[RunBeat], now: datetime) -> BeatReply:
        """Count a beat of a worker."""
        with self._database.write() as connection:
            return leases.beat(connection, worker_id, beats, now)

    def claim_dead(self, worker_id: str, dead: Sequence[str], limit: int) -> Sequence[ClaimedRun]:
        """Take runs over."""
        with self._database.write() as connection:
            return leases.claim(connection, worker_id, dead, limit)

    def states(self, run_ids: Sequence[str]) -> Mapping[str, Run]:
        """Read the rows."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT r.* FROM runs AS r"
                " JOIN sessions AS s ON s.id = r.session_id AND s.deleted = 0"
                " WHERE r.id IN (SELECT value FROM json_each(?))",
                (json.dumps([run_id for run_id in run_ids if is_uuid(run_id)]),),
            )
            return {row["id"]: run_of(row) for row in rows}

    def forget_workers(self, worker_ids: Sequence[str]) -> None:
        """Delete workers."""
        with self._database.write() as connection:
            leases.forget(connection, worker_ids)

    def purge(self, keys_before: datetime) -> int:
        """Delete chunk by chunk, off the hub."""
        purged = in_chunks(
            self._database,
            lambda connection, limit: keys.delete_older(connection, keys_before, limit),
        )
        purged += in_chunks(self._database, checkpoints.delete_ended)
        return purged + deletions.finish_all(self._database)


def _booked(connection: sqlite3.Connection, row: sqlite3.Row) -> Run:
    """Read a run with its provider calls; an active run has none yet."""
    return replace(run_of(row), attempts=ledger.attempts_of(connection, row["id"]))


def _owned(connection: sqlite3.Connection, user_id: str, run_id: str) -> sqlite3.Row:
    row: sqlite3.Row | None = None
    if is_uuid(user_id) and is_uuid(run_id):
        row = connection.execute(
            "SELECT r.* FROM runs AS r JOIN sessions AS s ON s.id = r.session_id AND s.deleted = 0"
            " WHERE r.id = ? AND r.user_id = ?",
            (run_id, user_id),
        ).fetchone()
    if row is None:
        raise refusals.no_run()
    return row

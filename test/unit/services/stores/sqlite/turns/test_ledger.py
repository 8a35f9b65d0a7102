"""The ledger in SQLite: one row an attempt, kept for ever."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from worlds.stores import (
    KEY,
    NOW,
    WORKER,
    answer,
    attempt,
    new_id,
    new_session,
    settlement_of,
    turn_in,
)

from services.domain.costs import Cost, Usage, UsageSource
from services.domain.runs import AttemptOutcome, Piece, RunBeat
from services.domain.sessions import Session
from services.stores.sqlite.store import FILE_NAME, SqliteStore

TABLES = ("sessions", "messages", "runs", "checkpoints", "idempotency_keys", "message_words")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Give a store."""
    with closing(SqliteStore.open(tmp_path)) as store:
        yield store


@pytest.fixture
def session(store: SqliteStore) -> Session:
    """Give a session."""
    return store.sessions.create(new_session(new_id()))


def rows(tmp_path: Path, query: str) -> list[dict[str, object]]:
    """Read with a separate connection."""
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def test_every_attempt_is_booked_with_what_it_used(
    store: SqliteStore, session: Session, tmp_path: Path
) -> None:
    turn = turn_in(session)
    run = store.runs.begin_turn(turn).run
    failed = attempt(1, outcome=AttemptOutcome.FAILED, usage=Usage(), cost=None, code="busy")
    usage = Usage(100, 50, 20, 10, UsageSource.ESTIMATED)
    went_well = attempt(2, model="small", usage=usage, cost=Cost(Decimal("1E-7"), "EUR"))

    store.runs.settle_turn(settlement_of(run, attempts=[failed, went_well]))

    first, second = rows(tmp_path, "SELECT * FROM ledger ORDER BY attempt")
    assert (first["outcome"], first["code"]) == ("failed", "busy")
    assert (first["amount"], first["currency"]) == (None, None)
    assert second == {
        "seq": 2,
        "run_id": run.id,
        "attempt": 2,
        "purpose": "answer",
        "user_id": session.user_id,
        "tenant_id": turn.tenant_id,
        "session_id": session.id,
        "provider": "scripted",
        "model": "small",
        "outcome": "ok",
        "code": "",
        "input_tokens": 100,
        "output_tokens": 50,
        "cached_tokens": 20,
        "reasoning_tokens": 10,
        "usage_source": "estimated",
        "amount": "0.0000001",
        "currency": "EUR",
        "created_at": "2026-11-20T12:30:16.123456Z",
    }


def test_the_ledger_outlives_its_session_and_nothing_else_does(
    store: SqliteStore, session: Session, tmp_path: Path
) -> None:
    answer(store, session, key=KEY)

    store.sessions.delete(session.user_id, session.id)

    assert len(rows(tmp_path, "SELECT * FROM ledger")) == 1
    left = {table: len(rows(tmp_path, f"SELECT * FROM {table}")) for table in TABLES}  # noqa: S608 - our own names
    assert left == dict.fromkeys(TABLES, 0)
    rows(tmp_path, "SELECT * FROM message_words WHERE message_words MATCH 'hello'")
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("INSERT INTO message_words (message_words) VALUES ('integrity-check')")


def test_a_settle_deletes_the_checkpoints(
    store: SqliteStore, session: Session, tmp_path: Path
) -> None:
    run = store.runs.begin_turn(turn_in(session)).run
    store.runs.beat(WORKER, [RunBeat(run.id, 1, Piece(3, "Hel"))], NOW)
    before = len(rows(tmp_path, "SELECT * FROM checkpoints"))

    store.runs.settle_turn(settlement_of(run))

    assert (before, rows(tmp_path, "SELECT * FROM checkpoints")) == (1, [])

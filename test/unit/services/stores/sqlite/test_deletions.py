"""Deleting a long session: hidden at once, deleted in chunks, finished after a crash."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import gevent
import pytest
from worlds.stores import KEY, KEY_WITH_OTHER_BODY, NOW, answer, new_id, new_session, turn_in

from services.domain.errors.requests import NotFound
from services.domain.runs import Run
from services.domain.sessions import Session, SessionChanges, SessionFilter
from services.stores.sqlite.store import FILE_NAME, SqliteStore

TABLES = ("sessions", "messages", "runs", "checkpoints", "idempotency_keys", "message_words")
BIG_TEXT = "word " * 40_000
BIG_TURNS = 20


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteStore]:
    """Give a store that waits for locks only briefly, or as long as a test asks."""
    seconds = getattr(request, "param", 0.5)
    with closing(SqliteStore(tmp_path / FILE_NAME, lock_seconds=seconds)) as store:
        yield store


@pytest.fixture
def session(store: SqliteStore) -> Session:
    """Give a session of four million characters."""
    session = store.sessions.create(new_session(new_id(), title="Long"), KEY)
    for _ in range(BIG_TURNS):
        answer(store, session, BIG_TEXT)
    return session


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """Count the rows of a table with a separate connection."""
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        yield lambda table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names


def deletion_of(store: SqliteStore, session: Session) -> "gevent.Greenlet[..., None]":
    """Begin to delete a session, and wait until it is hidden."""
    deletion = gevent.spawn(store.sessions.delete, session.user_id, session.id)
    while not deletion.ready():
        gevent.sleep(0)
        try:
            store.sessions.get(session.user_id, session.id)
        except NotFound:
            break
    return deletion


def broken_off(store: SqliteStore, session: Session, tmp_path: Path) -> None:
    """Delete a session, and hold the lock from its second chunk on until the delete gives up."""
    deletion = deletion_of(store, session)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    with closing(other):
        other.execute("BEGIN IMMEDIATE")
        deletion.get(timeout=10)


# Many writers may keep a chunk waiting for longer than that, and then the purge has to finish.
@pytest.mark.parametrize("store", [5.0], indirect=True)
def test_another_session_goes_on_while_a_long_one_is_being_deleted(
    store: SqliteStore, session: Session, rows: Callable[[str], int]
) -> None:
    other = store.sessions.create(new_session(session.user_id))

    deletion = deletion_of(store, session)
    left = set()
    while not deletion.ready():
        answer(store, other)
        left.add(rows(f"messages WHERE session_id = '{session.id}'"))
        gevent.sleep(0)

    deletion.get()
    assert len(left) >= 3
    assert (rows("sessions"), rows("messages")) == (1, rows("runs") * 2)


def test_many_small_messages_are_deleted_in_chunks_too(
    store: SqliteStore, rows: Callable[[str], int]
) -> None:
    small = store.sessions.create(new_session(new_id()))
    other = store.sessions.create(new_session(new_id()))
    for _ in range(600):
        answer(store, small)

    deletion = deletion_of(store, small)
    store.runs.begin_turn(turn_in(other))
    left = rows("messages") - 2

    deletion.get(timeout=10)
    assert left >= 700
    assert (rows("sessions"), rows("messages"), rows("runs")) == (1, 2, 1)


def test_a_session_whose_deletion_was_broken_off_is_gone_for_everybody(
    store: SqliteStore, session: Session, tmp_path: Path, rows: Callable[[str], int]
) -> None:
    owner = (session.user_id, session.id)
    run = store.runs.latest(*owner)
    assert run

    broken_off(store, session, tmp_path)

    assert rows("messages") > BIG_TURNS
    for listed in (SessionFilter(limit=9), SessionFilter(limit=9, query="word")):
        assert store.sessions.list(session.user_id, listed).items == []
    assert store.sessions.list(session.user_id, SessionFilter(limit=9, query="Long")).items == []
    for use in uses(store, session, run):
        with pytest.raises(NotFound):
            use()


def uses(store: SqliteStore, session: Session, run: Run) -> list[Callable[[], object]]:
    """List what a user can do with a session and its run."""
    owner, changes = (session.user_id, session.id), SessionChanges(given=frozenset({"title"}))
    return [
        lambda: store.sessions.get(*owner),
        lambda: store.sessions.change(*owner, changes, NOW),
        lambda: store.sessions.delete(*owner),
        lambda: store.messages.branch(*owner, 9),
        lambda: store.messages.tree(*owner, 9),
        lambda: store.runs.latest(*owner),
        lambda: store.runs.get(session.user_id, run.id),
        lambda: store.runs.text(session.user_id, run.id),
        lambda: store.runs.request_stop(session.user_id, run.id, NOW),
        lambda: store.runs.begin_turn(turn_in(session)),
        lambda: store.runs.begin_turn(turn_in(session, run_id=run.id)),
    ]


def test_the_key_of_a_hidden_session_is_free_for_another_one(
    store: SqliteStore, session: Session, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("UPDATE sessions SET deleted = 1")
        connection.commit()

    assert store.runs.find_key(session.user_id, KEY_WITH_OTHER_BODY) is None
    made = store.sessions.create(new_session(session.user_id), KEY_WITH_OTHER_BODY)
    store.runs.purge(NOW)

    assert store.sessions.create(new_session(session.user_id), KEY_WITH_OTHER_BODY) == made


def test_the_next_purge_finishes_a_deletion_that_was_broken_off(
    store: SqliteStore, session: Session, tmp_path: Path, rows: Callable[[str], int]
) -> None:
    broken_off(store, session, tmp_path)

    assert store.runs.purge(NOW) == 1

    assert {table: rows(table) for table in TABLES} == dict.fromkeys(TABLES, 0)
    assert rows("ledger") == BIG_TURNS
    assert store.runs.purge(NOW) == 0

"""The SQLite file under gevent: locks of other processes, crashes, jobs off the hub."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import dedent

import gevent
import pytest
from source_tree import ROOT
from worlds.stores import answer, new_id, new_session, turn_in

from services.domain.errors.outages import StoreUnavailable
from services.domain.errors.requests import NotFound
from services.domain.sessions import MessageStatus, Session, SessionFilter
from services.stores.sqlite.file.database import PULSE, Database, Mode
from services.stores.sqlite.store import FILE_NAME, SqliteStore

LOCK_HOLDER = """
    import sqlite3, sys
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    print("locked", flush=True)
    sys.stdin.read()
    connection.execute("ROLLBACK")
"""

WRITER = """
    import sys
    from pathlib import Path
    from worlds.stores import SqliteStore, answer, new_session
    store = SqliteStore(Path(sys.argv[1]))
    session = store.sessions.create(new_session(sys.argv[2]))
    while True:
        answer(store, session, "word " * 200)
        print(session.id, flush=True)
"""

HALF_WRITER = """
    import sys
    from pathlib import Path
    from services.stores.sqlite.file.database import Database
    database = Database(Path(sys.argv[1]), 5)
    with database.write() as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("DELETE FROM messages")
        connection.execute("UPDATE sessions SET title = 'half'")
        print("written", flush=True)
        sys.stdin.read()
"""


@contextmanager
def child(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a script in a process of its own; it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", dedent(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'test' / 'support'}"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    """Wait for the next line that a child prints."""
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database file."""
    return tmp_path / FILE_NAME


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """Give a store that waits for locks only briefly."""
    with closing(SqliteStore(path, lock_seconds=0.2)) as store:
        yield store


@pytest.fixture
def session(store: SqliteStore) -> Session:
    """Give a session."""
    return store.sessions.create(new_session(new_id()))


def test_the_file_can_be_read_by_its_owner_only(store: SqliteStore, path: Path) -> None:
    store.sessions.create(new_session(new_id()))

    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()}

    assert modes == dict.fromkeys(
        (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", PULSE), "0o600"
    )


def test_a_lock_of_another_process_makes_a_write_wait_and_not_the_hub(
    path: Path, store: SqliteStore, session: Session
) -> None:
    with closing(SqliteStore(path)) as patient, child(LOCK_HOLDER, str(path)) as holder:
        assert line_of(holder) == "locked"
        begin = gevent.spawn(patient.runs.begin_turn, turn_in(session))
        gevent.sleep(0)
        read_meanwhile = store.sessions.get(session.user_id, session.id)
        waited = not begin.ready()
        holder.communicate("")

        begun = begin.get(timeout=10)

    assert waited
    assert read_meanwhile.active_run is None
    assert begun.run.is_active


def test_a_lock_that_stays_makes_the_store_unavailable(
    path: Path, store: SqliteStore, session: Session
) -> None:
    with child(LOCK_HOLDER, str(path)) as holder:
        assert line_of(holder) == "locked"
        started = time.monotonic()
        with pytest.raises(StoreUnavailable) as refused:
            store.runs.begin_turn(turn_in(session))
        with pytest.raises(StoreUnavailable):
            store.sessions.delete(session.user_id, session.id)

    assert 0.2 <= time.monotonic() - started < 10
    assert isinstance(refused.value.__cause__, sqlite3.OperationalError)
    assert store.runs.begin_turn(turn_in(session)).run.is_active


def test_a_writer_that_is_killed_inside_a_transaction_leaves_nothing_of_it(
    path: Path, store: SqliteStore, session: Session
) -> None:
    run = answer(store, session, "word " * 5000)

    with child(HALF_WRITER, str(path)) as writer:
        assert line_of(writer) == "written"
        writer.send_signal(signal.SIGKILL)

    assert store.sessions.get(session.user_id, session.id).title == "Hello"
    assert store.runs.text(session.user_id, run.id) == "word " * 5000
    assert store.runs.begin_turn(turn_in(session)).run.is_active


def test_a_writer_that_is_killed_anywhere_leaves_whole_turns(path: Path) -> None:
    user_id = new_id()
    for turns in (1, 4, 9):
        with child(WRITER, str(path), user_id) as writer:
            seen = [line_of(writer) for _ in range(turns)]
            writer.send_signal(signal.SIGKILL)
        with closing(SqliteStore(path)) as store:
            messages = store.messages.tree(user_id, seen[0], 100_000).items
            run = store.runs.latest(user_id, seen[0])

            assert len(messages) >= 2 * turns
            assert [len(messages) % 2, run and run.message_id] == [0, messages[-1].id]
            assert run
            assert run.status is messages[-1].status
            ended = [one for one in messages if one.status is MessageStatus.COMPLETE]
            assert len(messages) - len(ended) == int(run.is_active)
            assert store.sessions.list(user_id, SessionFilter(limit=100, query="word")).items
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.execute("INSERT INTO message_words (message_words) VALUES ('integrity-check')")


def test_the_hub_goes_on_while_a_job_runs_in_the_thread(path: Path) -> None:
    endless = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"
        " SELECT count(*) FROM n"
    )
    with closing(Database(path, 1)) as database:
        job = gevent.spawn(
            database.aside, Mode.READ, lambda connection: connection.execute(endless).fetchone()[0]
        )
        turns = 0
        while not job.ready():
            gevent.sleep(0.001)
            turns += 1

    assert job.get() == 1_000_000
    assert turns > 10


def test_an_error_in_the_thread_reaches_the_caller_and_nobody_else(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: sqlite3.Connection) -> None:
        raise NotFound

    with closing(Database(path, 1)) as database, pytest.raises(NotFound):
        database.aside(Mode.WRITE, refuse)

    assert capfd.readouterr().err == ""


def test_a_file_that_is_no_database_is_unavailable(path: Path) -> None:
    path.write_bytes(b"this is no database, and long enough to show it" * 100)

    with pytest.raises(StoreUnavailable):
        SqliteStore(path)


def test_a_closed_store_is_unavailable(path: Path) -> None:
    store = SqliteStore(path)
    store.close()

    with pytest.raises(StoreUnavailable):
        store.ping()


def test_tidy_empties_the_write_ahead_log(store: SqliteStore, session: Session, path: Path) -> None:
    answer(store, session)
    wal = path.with_name(f"{FILE_NAME}-wal")
    before = wal.stat().st_size

    store.tidy()

    assert (before > 0, wal.stat().st_size) == (True, 0)


def test_tidy_leaves_what_is_locked_for_the_next_time(
    path: Path, store: SqliteStore, session: Session
) -> None:
    answer(store, session)
    wal = path.with_name(f"{FILE_NAME}-wal")
    with child(LOCK_HOLDER, str(path)) as holder:
        assert line_of(holder) == "locked"
        store.tidy()
        while_locked = wal.stat().st_size
        holder.communicate("")

    store.tidy()

    assert (while_locked > 0, wal.stat().st_size) == (True, 0)


def test_tidy_gives_up_soon_where_a_reader_holds_the_log(
    store: SqliteStore, session: Session, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM sessions").fetchall()
        answer(store, session)

        store.tidy()

    assert store.runs.begin_turn(turn_in(session)).run.is_active

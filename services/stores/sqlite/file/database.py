"""One SQLite file under gevent: short transactions on the hub, long ones in a thread.

The main connection is used inline: a write takes 0.02 ms, less than handing it to a thread would.
Between BEGIN and COMMIT nothing may yield, so greenlets never meet inside a transaction. Jobs that
scan (search, purge, checkpoint of the WAL) go to a second connection in a thread of its own.
"""

import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

import gevent
from gevent.threadpool import ThreadPool

from services.domain.errors.outages import StoreUnavailable
from services.stores.sqlite.file.pulse import Pulse
from services.stores.sqlite.file.reasons import reason_of

Result = TypeVar("Result")

PULSE = "pulse"
"""The name of the file, beside the database, that tells whether the disk takes writes."""

_FIRST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.05
_TIDY_WAIT_MS = 200
"""A checkpoint holds the write lock while it waits for readers: it gives up soon."""


_STEPS_BETWEEN_LOOKS = 10_000
"""Steps of SQLite's machine between two looks at the clock: about a millisecond."""


class TookTooLong(Exception):
    """A job was ended because its time was over."""


class Mode(StrEnum):
    """What a transaction is for."""

    READ = "BEGIN DEFERRED"
    WRITE = "BEGIN IMMEDIATE"


@dataclass(frozen=True, slots=True)
class _Answer(Generic[Result]):
    value: Result


class Database:
    """Two connections to one file. Belongs to the thread that made it."""

    def __init__(self, path: Path, lock_seconds: float) -> None:
        """Open or make the file; wait `lock_seconds` for a lock that another process holds.

        In WAL mode readers and the writer do not wait for each other.
        """
        self._lock_seconds = lock_seconds
        # The file holds password hashes; -wal and -shm get the same permissions from SQLite.
        try:
            path.touch(mode=0o600)
        except OSError as exc:
            reason = f"The database file cannot be made or changed ({exc.strerror})."
            raise StoreUnavailable(reason=reason) from exc
        with sqlite_errors():
            self._main = sqlite3.connect(path, timeout=0, isolation_level=None)
            self._side = sqlite3.connect(
                path, timeout=lock_seconds, isolation_level=None, check_same_thread=False
            )
        self._pulse = Pulse(path.with_name(PULSE), lock_seconds)
        self._pool = ThreadPool(1)
        self._waiting = 0
        try:
            with sqlite_errors():
                # Another process that opens the same new file locks it for a moment.
                self._patiently(lambda: self._main.execute("PRAGMA journal_mode = WAL"))
                self._patiently(lambda: _configure(self._main))
                self._patiently(lambda: _configure(self._side))
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Generator[sqlite3.Connection, None, None]:
        """Read inline from one consistent state; the block must not yield to other greenlets."""
        self._pulse.check()
        with sqlite_errors():
            self._patiently(lambda: _begin(self._main, Mode.READ))
            with _ending(self._main):
                yield self._main

    def look(self, question: str, values: tuple[object, ...]) -> sqlite3.Row | None:
        """Read the first row of a single statement, which sees one state by itself; inline."""
        self._pulse.check()
        rows: list[sqlite3.Row | None] = []
        with sqlite_errors():
            self._patiently(lambda: rows.append(self._main.execute(question, values).fetchone()))
        return rows[0]

    @contextmanager
    def write(self) -> Generator[sqlite3.Connection, None, None]:
        """Write inline, all or nothing; the block must not yield to other greenlets.

        The disk is given `lock_seconds` to show that it takes writes.
        """
        self._pulse.prove()
        with sqlite_errors():
            self._patiently(lambda: _begin(self._main, Mode.WRITE))
            with _ending(self._main):
                yield self._main

    def aside(
        self,
        mode: Mode,
        job: Callable[[sqlite3.Connection], Result],
        seconds: float | None = None,
    ) -> Result:
        """Do a job in a transaction of its own, off the hub; other greenlets go on meanwhile.

        Raises TookTooLong if the job does not end within the given time.
        """

        def transact() -> Result:
            with sqlite_errors(), _bounded(self._side, seconds):
                _begin(self._side, mode)
                with _ending(self._side):
                    return job(self._side)

        return self._off_hub(transact)

    def let_writers_in(self) -> None:
        """Wait between two jobs until no other greenlet waits for the lock that the jobs hold.

        SQLite's lock has no queue: without this, one job after the other would keep all others out.
        """
        while True:
            gevent.sleep(_FIRST_PAUSE_SECONDS)
            if not self._waiting:
                return

    def tidy(self) -> None:
        """Copy the WAL into the file and empty it, and renew the statistics, off the hub.

        What is locked now is left for the next time.
        """
        self._off_hub(self._tidy)

    def _tidy(self) -> None:
        wait_ms = round(self._lock_seconds * 1000)
        with sqlite_errors():
            self._side.execute(f"PRAGMA busy_timeout = {min(_TIDY_WAIT_MS, wait_ms)}")
            try:
                # TRUNCATE takes the write lock: a checkpoint and a writer never run side by side.
                self._side.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                self._renew_statistics()
            except sqlite3.OperationalError as exc:
                if not _is_busy(exc):
                    raise
            finally:
                self._side.execute(f"PRAGMA busy_timeout = {wait_ms}")

    def _renew_statistics(self) -> None:
        # Under the write lock from the start: a read that becomes a write fails if another
        # process wrote in between.
        _begin(self._side, Mode.WRITE)
        with _ending(self._side):
            self._side.execute("PRAGMA analysis_limit = 400")
            self._side.execute("PRAGMA optimize").fetchall()

    def close(self) -> None:
        """Wait for the job in the thread, then close both connections."""
        self._pulse.close()
        self._pool.join()
        self._pool.kill()
        self._side.close()
        self._main.close()

    def _off_hub(self, job: Callable[[], Result]) -> Result:
        answers: list[_Answer[Result] | Exception] = []

        def answer() -> None:
            try:
                answers.append(_Answer(job()))
            except Exception as exc:  # noqa: BLE001 - raised again below; the pool would print it
                answers.append(exc)

        self._pool.spawn(answer).get()
        match answers[0]:
            case _Answer(value):
                return value
            case exc:
                raise exc

    def _patiently(self, step: Callable[[], object]) -> None:
        """Try until the other process releases its lock; the hub goes on meanwhile."""
        deadline = time.monotonic() + self._lock_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                step()
            except sqlite3.OperationalError as exc:
                if not _is_busy(exc) or time.monotonic() >= deadline:
                    raise
            else:
                return
            self._waiting += 1
            try:
                gevent.sleep(pause)
            finally:
                self._waiting -= 1
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


@contextmanager
def sqlite_errors() -> Generator[None, None, None]:
    """Turn SQLite's errors that mean it cannot work into StoreUnavailable.

    A broken constraint is a mistake of the caller and stays what it is.
    """
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as exc:
        raise StoreUnavailable(reason=reason_of(exc)) from exc


def _configure(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA temp_store = MEMORY")  # there may be no other folder to write to


def _begin(connection: sqlite3.Connection, mode: Mode) -> None:
    connection.execute(mode)
    if mode is Mode.READ:
        try:
            # Only the first SELECT takes the snapshot, and only it may find the file locked.
            connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
        except sqlite3.Error:
            connection.rollback()
            raise


@contextmanager
def _bounded(connection: sqlite3.Connection, seconds: float | None) -> Generator[None, None, None]:
    if seconds is None:
        yield
        return
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    except sqlite3.OperationalError as exc:
        if exc.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise TookTooLong from exc
        raise
    finally:
        connection.set_progress_handler(None, 0)


@contextmanager
def _ending(connection: sqlite3.Connection) -> Generator[None, None, None]:
    try:
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

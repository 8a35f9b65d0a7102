"""One consistent state of a database file, read while a server goes on writing to it."""

import sqlite3
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

Progress = Callable[[int, int], None]
"""Called with how much is done, and how much there is in all."""

_LOCK_SECONDS = 10.0
_STEP_PAGES = 256
"""A megabyte a step; between two steps the server has the disk."""

_PAUSE_SECONDS = 0.002

_NOT_OURS = ("sqlite_", "message_words")
"""Tables of SQLite, and of its full-text index, which repeat what other tables hold."""


class CannotRead(Exception):
    """The file cannot be read, or cannot be copied; the message says why."""


class Snapshot:
    """What was in the database when this was opened; it blocks no writer."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read through a connection inside a read transaction."""
        self.connection = connection

    def version(self) -> int:
        """Give the schema's version."""
        return int(
            self.connection.execute("SELECT max(version) FROM schema_migrations").fetchone()[0]
        )

    def counts(self) -> Mapping[str, int]:
        """Count the rows of every table."""
        return _counts(self.connection)

    def copy_to(self, path: Path, progress: Progress) -> None:
        """Write this state into a new file and check the copy, or raise CannotRead.

        The transaction stays open: otherwise the copy of a file that others write to would begin
        again at each of their writes, and never end.
        """
        path.touch(mode=0o600, exist_ok=False)
        with _told(path), closing(sqlite3.connect(path)) as copy:
            self.connection.backup(copy, pages=_STEP_PAGES, progress=_paced(progress))
        with _told(path), closing(sqlite3.connect(path)) as copy:
            found = copy.execute("PRAGMA integrity_check").fetchall()
            if found != [("ok",)]:
                raise CannotRead(f"{path.name} is damaged: {found[0][0]}")
            if _counts(copy) != self.counts():
                raise CannotRead(f"The copy of {path.name} has not all rows.")


@contextmanager
def snapshot(path: Path) -> Generator[Snapshot, None, None]:
    """Open a snapshot of a database file, or raise CannotRead."""
    if not path.is_file():
        raise CannotRead(f"There is no database {path}.")
    uri = f"file:{quote(str(path.resolve()))}?mode=rw"
    with _told(path), closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {round(_LOCK_SECONDS * 1000)}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        # Only the first SELECT fixes the state that is read.
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
        yield Snapshot(connection)


@contextmanager
def _told(path: Path) -> Generator[None, None, None]:
    try:
        yield
    except sqlite3.Error as exc:
        raise CannotRead(f"{path.name}: {exc}.") from exc


def _paced(progress: Progress) -> Callable[[int, int, int], None]:
    def step(status: int, remaining: int, total: int) -> None:
        del status
        progress(total - remaining, total)
        time.sleep(_PAUSE_SECONDS)

    return step


def _counts(connection: sqlite3.Connection) -> Mapping[str, int]:
    found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    names = [name for (name,) in found if not name.startswith(_NOT_OURS)]
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - a name from the schema itself
        for name in names
    }

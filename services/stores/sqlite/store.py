"""The SQLite store as a whole."""

from pathlib import Path

from services.stores.base.bounds import USUAL, Bounds
from services.stores.base.store import Store
from services.stores.sqlite.file.database import Database
from services.stores.sqlite.file.migrations import known_migrations, migrate
from services.stores.sqlite.links import SqliteLinks
from services.stores.sqlite.logins import SqliteLogins
from services.stores.sqlite.messages import SqliteMessages
from services.stores.sqlite.runs import SqliteRuns
from services.stores.sqlite.sessions import SqliteSessions
from services.stores.sqlite.users import SqliteUsers

FILE_NAME = "charla.db"

LOCK_SECONDS = 5.0
"""How long a call waits for a lock that another process holds, before StoreUnavailable."""


class SqliteStore(Store):
    """One file. Belongs to the thread that opened it, and must be opened after a fork."""

    def __init__(
        self, path: Path, lock_seconds: float = LOCK_SECONDS, bounds: Bounds = USUAL
    ) -> None:
        """Open or make the file and bring it to this release's schema, or raise SchemaTooNew."""
        self._database = Database(path, lock_seconds)
        try:
            migrate(self._database, known_migrations())
        except BaseException:
            self._database.close()
            raise
        self.users = SqliteUsers(self._database)
        self.logins = SqliteLogins(self._database)
        self.links = SqliteLinks(self._database)
        self.sessions = SqliteSessions(self._database, bounds)
        self.messages = SqliteMessages(self._database, bounds)
        self.runs = SqliteRuns(self._database, bounds)

    @classmethod
    def open(cls, data_dir: Path, bounds: Bounds = USUAL) -> "SqliteStore":
        """Open the store in a folder, which is made if it is missing."""
        data_dir.mkdir(parents=True, exist_ok=True)
        return cls(data_dir / FILE_NAME, bounds=bounds)

    def ping(self) -> None:
        """Write a row as it is: that takes room on the disk."""
        with self._database.write() as connection:
            connection.execute("UPDATE schema_migrations SET name = name WHERE version = 1")

    def tidy(self) -> None:
        """Empty the WAL into the file and renew the statistics, in a thread."""
        self._database.tidy()

    def close(self) -> None:
        """Close the file; the last process that closes it removes the WAL."""
        self._database.close()

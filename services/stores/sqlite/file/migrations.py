"""Brings a database to the schema of this release: `migrations/NNNN_name.sql`, in order."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from services.stores.base.times import time_text
from services.stores.sqlite.file.database import Database

FOLDER = Path(__file__).parents[1] / "migrations"


class SchemaTooNew(ValueError):
    """A newer release has written this database."""

    def __init__(self, found: int, known: int) -> None:
        """Say what to do."""
        super().__init__(
            f"The database has schema version {found}, this release knows versions up to {known}. "
            "Start the newer release again, or restore a backup from before its first start."
        )


@dataclass(frozen=True, slots=True)
class Migration:
    """One step; its version is the number in its file's name."""

    version: int
    name: str
    script: str


def known_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Read the steps of a folder in order."""
    steps = []
    for path in sorted(folder.glob("*.sql")):
        version, _, name = path.stem.partition("_")
        steps.append(Migration(int(version), name, path.read_text(encoding="utf-8")))
    return steps


def migrate(database: Database, steps: list[Migration]) -> None:
    """Apply the missing steps, each whole or not at all, or raise SchemaTooNew.

    Safe for two processes at once: the version is read again under the write lock.
    """
    with database.read() as connection:
        found = _version(connection)
    known = max((step.version for step in steps), default=0)
    if found > known:
        raise SchemaTooNew(found, known)
    for step in steps:
        if step.version > found:
            with database.write() as connection:
                _apply(connection, step)


def statements(script: str) -> Iterator[str]:
    """Split a script into its statements; sqlite3's own executescript would commit in between."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        yield pending


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    if _version(connection) >= step.version:
        return
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations"
        " (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT"
    )
    for statement in statements(step.script):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)",
        (step.version, step.name, time_text(datetime.now(UTC))),
    )


def _version(connection: sqlite3.Connection) -> int:
    table = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'"
    ).fetchone()
    if table is None:
        return 0
    row = connection.execute("SELECT max(version) FROM schema_migrations").fetchone()
    return int(row[0] or 0)

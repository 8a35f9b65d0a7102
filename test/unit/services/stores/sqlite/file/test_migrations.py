"""Migrations: each whole or absent, none backwards."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from worlds.stores import NOW

from services.domain.errors.outages import StoreUnavailable
from services.stores.base.times import time_text
from services.stores.sqlite.file.database import Database
from services.stores.sqlite.file.migrations import (
    Migration,
    SchemaTooNew,
    known_migrations,
    migrate,
    statements,
)
from services.stores.sqlite.store import SqliteStore

FIRST = Migration(1, "first", "CREATE TABLE a (x TEXT) STRICT;\nINSERT INTO a VALUES ('1');")
SECOND = Migration(2, "second", "-- Why.\nALTER TABLE a ADD COLUMN y TEXT;\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a database file."""
    return tmp_path / "test.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """Give an empty database."""
    with closing(Database(path, 1)) as database:
        yield database


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """Read with a separate connection."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_the_projects_own_steps_are_numbered_without_a_gap() -> None:
    steps = known_migrations()

    assert [step.version for step in steps] == list(range(1, len(steps) + 1))


def test_every_step_is_applied_once_and_in_order(path: Path, database: Database) -> None:
    migrate(database, [FIRST])
    migrate(database, [FIRST, SECOND])
    migrate(database, [FIRST, SECOND])

    assert rows(path, "SELECT version, name FROM schema_migrations") == [
        (1, "first"),
        (2, "second"),
    ]
    assert rows(path, "SELECT * FROM a") == [("1", None)]


def test_a_step_that_fails_leaves_nothing_of_itself(path: Path, database: Database) -> None:
    broken = Migration(
        2, "broken", "CREATE TABLE b (x TEXT);\nDELETE FROM a;\nINSERT INTO nowhere VALUES (1);"
    )

    with pytest.raises(StoreUnavailable):
        migrate(database, [FIRST, broken])

    assert rows(path, "SELECT version FROM schema_migrations") == [(1,)]
    assert rows(path, "SELECT * FROM a") == [("1",)]
    assert rows(path, "SELECT name FROM sqlite_schema WHERE name = 'b'") == []


def test_a_database_of_a_newer_release_is_refused_and_left_alone(path: Path) -> None:
    newest = known_migrations()[-1].version
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO schema_migrations VALUES (?, 'later', ?)", (newest + 1, time_text(NOW))
        )
        connection.commit()

    with pytest.raises(SchemaTooNew, match="newer release"):
        SqliteStore(path)

    assert rows(path, "SELECT max(version) FROM schema_migrations") == [(newest + 1,)]


def test_a_script_is_split_at_its_statements_and_not_inside_of_triggers() -> None:
    trigger = (
        "CREATE TRIGGER t AFTER INSERT ON a\nBEGIN\n  DELETE FROM b;\n  DELETE FROM c;\nEND;\n"
    )
    script = f"-- A comment; with a semicolon.\nCREATE TABLE a (x);\n{trigger}SELECT ';\n';\n-- End"

    found = [one.strip() for one in statements(script)]

    assert found == [
        "-- A comment; with a semicolon.\nCREATE TABLE a (x);",
        trigger.strip(),
        "SELECT ';\n';",
        "-- End",
    ]

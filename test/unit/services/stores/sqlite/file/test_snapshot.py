"""A database is copied as it was at one moment, whatever is written meanwhile."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.stores.sqlite.file.snapshot import CannotRead, snapshot
from services.stores.sqlite.store import FILE_NAME, SqliteStore

ROWS = 2000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a database of a few megabytes."""
    SqliteStore.open(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        add_tenants(connection, ROWS)
    return tmp_path / FILE_NAME


def add_tenants(connection: sqlite3.Connection, count: int) -> None:
    """Write rows."""
    row = "INSERT INTO tenants (id, name, created_at) VALUES (hex(randomblob(8)), ?, '')"
    connection.executemany(row, [("x" * 2000,)] * count)
    connection.commit()


def test_writers_neither_wait_nor_make_the_copy_begin_again(path: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    with closing(sqlite3.connect(path, timeout=0)) as writer, snapshot(path) as state:

        def write_between_steps(done: int, total: int) -> None:
            assert done <= total
            steps.append(done)
            add_tenants(writer, 10)

        state.copy_to(tmp_path / "copy.db", write_between_steps)
        counted = state.counts()["tenants"]
        added = 10 * len(steps)

    assert len(steps) > 3
    assert steps == sorted(set(steps))
    assert counted == ROWS
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM tenants").fetchone() == (ROWS,)
    with closing(sqlite3.connect(path)) as source:
        assert source.execute("SELECT count(*) FROM tenants").fetchone() == (ROWS + added,)


def test_nothing_can_be_written_through_it(path: Path) -> None:
    with (
        pytest.raises(CannotRead, match="readonly"),
        snapshot(path) as state,
    ):
        state.connection.execute("DELETE FROM tenants")


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="no database"), snapshot(tmp_path / "none.db"):
        pass

    assert list(tmp_path.iterdir()) == []

"""A damaged database is told as that, by a start and by `check`, and nothing is written over it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from api.shell_commands import environment, run_command
from source_tree import ROOT
from worlds.installation import make_installation

from services.stores.sqlite.store import FILE_NAME

PAGE = 4096


def as_text(file: Path) -> None:
    """Put a page of an error, as a failed download does, where the database was."""
    file.write_text("<html>404 Not Found</html>\n" * 1000)


def cut(file: Path) -> None:
    """Cut the file in the middle, as a copy to a full disk does."""
    os.truncate(file, file.stat().st_size // 2 // PAGE * PAGE)


def overwritten(file: Path) -> None:
    """Overwrite pages in the middle; the head stays right."""
    with file.open("r+b") as stream:
        stream.seek(4 * PAGE)
        stream.write(b"\xa5" * PAGE * 20)


def contents(folder: Path) -> dict[str, bytes]:
    """Read what belongs to the database; -shm is scratch."""
    return {
        path.name: path.read_bytes() for path in folder.glob("charla.db*") if "shm" not in path.name
    }


@pytest.mark.parametrize("damage", [as_text, cut, overwritten])
def test_a_damaged_database_refuses_the_start_and_stays_as_it_is(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    make_installation(tmp_path)
    damage(tmp_path / FILE_NAME)
    before = contents(tmp_path)

    ran = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    checked = run_command(tmp_path, "check")

    assert ran.returncode == 2
    assert len(ran.stderr.strip().splitlines()) == 1
    assert ran.stderr.startswith(f"{tmp_path / FILE_NAME}: The database file is damaged")
    assert "Restore a backup" in ran.stderr
    assert checked.returncode == 1
    assert "wrong  database: " in checked.stdout
    assert "damaged" in checked.stdout
    assert "Traceback" not in checked.stderr
    assert {name: content for name, content in contents(tmp_path).items() if content} == before


def test_a_database_that_is_locked_is_told_as_that(tmp_path: Path) -> None:
    make_installation(tmp_path)
    holder = (
        f"import sqlite3; c = sqlite3.connect({str(tmp_path / FILE_NAME)!r}, isolation_level=None);"
        "c.execute('PRAGMA locking_mode = EXCLUSIVE'); c.execute('BEGIN EXCLUSIVE');"
        "print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        checked = run_command(tmp_path, "check")
        other.communicate(b"\n")

    assert checked.returncode == 1
    assert "Another process holds the lock of the database file." in checked.stdout

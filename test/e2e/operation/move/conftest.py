"""An embedded installation that is to be moved."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from api.move_command import dumped
from worlds.installation import Installation, make_installation


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Installation]:
    """Make an installation once; nothing changes it."""
    folder = tmp_path_factory.mktemp("installation") / "data"
    return folder, make_installation(folder)


@pytest.fixture
def folder(made: tuple[Path, Installation]) -> Iterator[Path]:
    """Give its folder, which must be unchanged after the test."""
    folder = made[0]
    before = dumped(folder)
    yield folder
    assert dumped(folder) == before

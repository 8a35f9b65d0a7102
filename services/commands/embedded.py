"""Tells whether `DATA_DIR` can be used, and the database in it where that is the embedded one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from services.commands.findings import Finding, Verdict
from services.settings.whole import Settings
from services.stores.sqlite.file.migrations import known_migrations
from services.stores.sqlite.file.reasons import damage_in
from services.stores.sqlite.file.snapshot import CannotRead, snapshot
from services.stores.sqlite.store import FILE_NAME

_ROOM_BYTES = 1024 * 1024
"""What a few turns write; a disk that has not even that is as good as full."""


def told_of_folder(settings: Settings) -> Iterator[Finding]:
    """Tell whether the folder takes data, and what is wrong with the database file in it."""
    folder = settings.server.data_dir
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(_ROOM_BYTES))
    except OSError as exc:
        yield Finding(Verdict.WRONG, f"disk: {folder} takes no more data. {exc.strerror}.")
    if settings.scaling.is_embedded:
        yield _told_of_file(folder / FILE_NAME)


def _told_of_file(path: Path) -> Finding:
    if not path.exists():
        return Finding(Verdict.UNUSED, f"database: {path} is made at the first start")
    if damage := damage_in(path):
        return Finding(Verdict.WRONG, f"database: {path}: {damage}")
    try:
        with snapshot(path) as state:
            version, known = state.version(), known_migrations()[-1].version
    except CannotRead as exc:
        return Finding(Verdict.WRONG, f"database: {path}: {exc}")
    if version > known:
        return Finding(Verdict.WRONG, f"database: {path} is of a later release (schema {version}).")
    return Finding(Verdict.OK, f"database: {path} is whole")

"""Copies the embedded installation; the copy is a data folder itself.

The outbox is copied before the database: an end that is delivered in between is then in both
copies, and delivering it again changes nothing. The other way round it could be in neither.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from services.commands.progress import Counter
from services.commands.refusals import Refused
from services.runs.ending.outbox import FOLDER as OUTBOX
from services.settings.load import load_settings
from services.settings.secrets_file import FILE_NAME as SECRETS
from services.stores.sqlite.file.snapshot import CannotRead, snapshot
from services.stores.sqlite.store import FILE_NAME as DATABASE

MANIFEST = "backup.json"
"""The file that marks a folder as a backup; it says when it was made and how many rows it has."""

_PARTS = {DATABASE, OUTBOX, SECRETS, MANIFEST}
_DRAFT_SUFFIX = ".tmp"
"""The suffix of files that the outbox has not finished writing."""


def run(target: Path, *, is_forced: bool) -> None:
    """Back up the folder of the settings, or raise Refused."""
    settings = load_settings()
    if not settings.scaling.is_embedded:
        raise Refused(
            "SUPABASE_URL is set: the data lies in that project, which has backups of its own. "
            "Unset it to copy the embedded database in DATA_DIR."
        )
    counts = back_up(settings.server.data_dir, target, is_forced=is_forced)
    told = ", ".join(f"{counts[table]} {table}" for table in ("users", "sessions", "messages"))
    click.echo(f"{target} holds {told}.", err=True)


def back_up(source: Path, target: Path, *, is_forced: bool) -> Mapping[str, int]:
    """Copy a data folder to a new folder and count its rows by table, or raise Refused.

    Either the whole copy is there, checked and on the disk, or nothing of it.
    """
    _check_target(source.resolve(), target.resolve(), is_forced=is_forced)
    try:
        with _draft_beside(target) as draft:
            _copy_files(source, draft)
            counts = _copy_database(source, draft)
            _sync(draft)
            _put_in_place(draft, target)
    except (CannotRead, OSError) as exc:
        raise Refused(f"No backup was made. {exc}") from exc
    return counts


def _check_target(source: Path, target: Path, *, is_forced: bool) -> None:
    if target == source or source in target.parents or target in source.parents:
        raise Refused(f"{target} and the data folder {source} lie in each other.")
    if not target.parent.is_dir():
        raise Refused(f"There is no folder {target.parent}.")
    if not os.path.lexists(target):
        return
    if not is_forced:
        raise Refused(f"{target} exists: give another name, or --force to replace a backup.")
    if not _is_backup(target):
        raise Refused(f"{target} is no backup, or a server has worked on it: it is not replaced.")


def _is_backup(folder: Path) -> bool:
    """Tell whether a folder holds the files of a backup and no others, such as a server's lock."""
    if folder.is_symlink() or not (folder / MANIFEST).is_file():
        return False
    return {path.name for path in folder.iterdir()} <= _PARTS


@contextmanager
def _draft_beside(target: Path) -> Iterator[Path]:
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # already moved away where all went well


def _copy_files(source: Path, draft: Path) -> None:
    """Copy the secrets, without which everybody has to log in again, and the outbox."""
    (draft / OUTBOX).mkdir(mode=0o700)
    kept = [path for path in (source / OUTBOX).glob("*") if path.suffix != _DRAFT_SUFFIX]
    for path in [source / SECRETS, *kept]:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # there is none, or it was delivered meanwhile
        _write(draft / path.relative_to(source), content)


def _copy_database(source: Path, draft: Path) -> Mapping[str, int]:
    with snapshot(source / DATABASE) as state:
        state.copy_to(draft / DATABASE, Counter("pages copied"))
        counts, version = state.counts(), state.version()
    if not counts["users"]:
        raise CannotRead(f"{source} holds no account: is DATA_DIR right?")
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = {"made_at": made_at, "schema_version": version, "rows": counts}
    _write(draft / MANIFEST, json.dumps(manifest, indent=1).encode())
    return counts


def _write(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(content)


def _put_in_place(draft: Path, target: Path) -> None:
    """Rename the draft; an earlier backup is moved aside first and deleted afterwards."""
    if not target.exists():
        draft.rename(target)
        _sync_one(target.parent)
        return
    aside = draft.with_suffix(".replaced")
    target.rename(aside)
    try:
        draft.rename(target)
    except BaseException:
        aside.rename(target)
        raise
    _sync_one(target.parent)
    shutil.rmtree(aside)


def _sync(folder: Path) -> None:
    """Wait until everything in a folder is on the disk."""
    for path in [*folder.rglob("*"), folder]:
        _sync_one(path)


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

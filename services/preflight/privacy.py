"""Keeps what a server has on disk from the other users of its machine."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from services.preflight.refusal import CannotStart
from services.runs.ending.outbox import FOLDER as OUTBOX
from services.runs.leases.lock import SERVER_LOCK, WORKER_LOCK
from services.settings.env_file import NAME as ENV_FILE
from services.settings.secrets_file import FILE_NAME as SECRETS
from services.settings.whole import Settings
from services.stores.sqlite.store import FILE_NAME as DATABASE
from services.telemetry.output import say

UMASK = 0o077
"""What a server makes is for its own user."""

_OURS = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", SECRETS, OUTBOX)
"""What may be read by nobody else in `DATA_DIR`: texts, hashes of passwords, the secret."""

_KNOWN = frozenset({*_OURS, SERVER_LOCK, WORKER_LOCK})


def make_private(settings: Settings) -> None:
    """Take the permissions of others from the files of this server, and tell of each change.

    Raises CannotStart in production for a file that anybody on this machine may read, and that
    belongs to another user, so that it cannot be mended here. Where a file system has no
    permissions, or cannot be written, that is told, and the server starts.
    """
    for path in _private(settings):
        # A volume's folder may be root's and open to all; what is in it is closed all the same.
        is_needed = settings.server.is_production and path != settings.server.data_dir
        with suppress(FileNotFoundError):  # SQLite removes its files when the last one leaves
            _close(path, is_needed=is_needed)


def _private(settings: Settings) -> Iterator[Path]:
    """List what exists of the files of this server, and its folder if there is nothing else in it.

    A folder that has other things in it may be anything, `/tmp` too.
    """
    folder = settings.server.data_dir
    if settings.server.is_production and Path(ENV_FILE).is_file():
        yield Path(ENV_FILE)
    try:
        names = {path.name for path in folder.iterdir()}
    except PermissionError:  # it may be used all the same; what is not there is passed over
        names = {*_OURS, "what nobody may see"}
    yield from (folder / name for name in _OURS if name in names)
    if names <= _KNOWN:
        yield folder


def _close(path: Path, *, is_needed: bool) -> None:
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if not mode & UMASK:
        return
    was = f"{path} was open to other users of this machine ({mode:04o})"
    try:
        path.chmod(mode & ~UMASK)
    except PermissionError:
        if found.st_uid == os.geteuid():
            say(f"{was}, and its file system lets nobody change that.")
            return
        _not_ours(path, mode, is_needed=is_needed)
    except OSError as exc:
        say(f"{was}, and that cannot be changed: {exc.strerror}.")
    else:
        left = stat.S_IMODE(path.stat().st_mode)
        if left & UMASK:
            say(f"{was}, and its file system keeps no permissions: mount it with umask=077.")
        else:
            say(f"{was}; it is {left:04o} now.")


def _not_ours(path: Path, mode: int, *, is_needed: bool) -> None:
    """Refuse, or tell of, a file of another user; a group alone may be meant to share it."""
    sentence = (
        f"{path} belongs to another user and is open to others ({mode:04o}): run "
        f"`sudo chmod {mode & 0o770:o} {path}`, or make it this user's own "
        f"(`sudo chown {os.geteuid()} {path}`)."
    )
    if is_needed and mode & 0o007:
        raise CannotStart(sentence)
    say(sentence)

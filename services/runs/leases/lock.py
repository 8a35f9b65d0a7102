"""Locks in `DATA_DIR`: only a holder of one may assume that all other workers are dead."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

SERVER_LOCK = "lock"
"""Held by the server for its life, inherited by its workers: a second server is refused."""

WORKER_LOCK = "worker.lock"
"""Held by the worker that runs answers: on a reload, the new worker waits for the old to drain."""

_POLL_SECONDS = 0.1


class FolderLock:
    """An advisory lock on a file; the kernel releases it when its holders have died."""

    def __init__(self, folder: Path, name: str) -> None:
        """Open the file, and make the folder where it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / name
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)

    def try_acquire(self) -> bool:
        """Take the lock; False: another process holds it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.truncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)
        return True

    def acquire(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Take the lock, and wait for it as long as it takes."""
        while not self.try_acquire():
            sleep(_POLL_SECONDS)

    def holder(self) -> str:
        """Give the id of the process that took the lock last."""
        return os.pread(self._file, 20, 0).decode("ascii", "replace") or "unknown"

    def release(self) -> None:
        """Release the lock, unless a child process still holds it."""
        os.close(self._file)


class DataDirTaken(Exception):
    """Another server works on the folder, or none can; the message says what to do."""


def take_server_lock(folder: Path) -> FolderLock:
    """Take a data folder for the life of this process and its workers, or raise DataDirTaken."""
    try:
        lock = FolderLock(folder, SERVER_LOCK)
        is_free = lock.try_acquire()
    except OSError as exc:
        raise DataDirTaken(
            f"{folder} cannot be locked for this server ({exc.strerror}): DATA_DIR must be a folder"
            " that it may write to, on a disk of this machine."
        ) from exc
    if is_free:
        return lock
    holder = lock.holder()
    lock.release()
    way_out = "use that one, stop it, or set another DATA_DIR"
    raise DataDirTaken(f"Another server (process {holder}) works on {folder}: {way_out}.")

"""The files in which the workers of a server keep their figures, so that each can tell the sums.

gunicorn's master makes and clears them. It must load nothing that gevent would have to patch later:
prometheus_client imports ssl, so this module uses the standard library only.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

PREFIX = "charla-figures-"

MEMORY = Path("/dev/shm")  # noqa: S108 - what is put there is made by mkdtemp and mkstemp
"""Not on a disk: touching a file on a busy disk would stall all streams of the worker."""


class FigureFiles:
    """The folder of one start of a server, which is removed when that ends.

    What a killed server left is removed at the next start. A worker has a slot, and the next worker
    in that slot goes on with its files: counters never go back, and there are never more files than
    there were workers at once.
    """

    def __init__(self, base: Path) -> None:
        """Make a new folder in `base`."""
        _clear(base)
        self.folder, self._lock = _made(base)

    def environment(self, slot: int) -> list[str]:
        """Give the variables that tell a worker its folder and slot, as `NAME=value`."""
        return [f"PROMETHEUS_MULTIPROC_DIR={self.folder}", f"FIGURES_SLOT={slot}"]

    def free_slot(self, taken: Iterable[int | None]) -> int:
        """Give the first slot that no living worker has."""
        self.folder.mkdir(mode=0o700, exist_ok=True)  # another program may have cleaned up there
        used = set(taken)
        return next(slot for slot in range(len(used) + 1) if slot not in used)

    def forget(self, slot: int) -> None:
        """Delete the gauges of a worker that died; what it counted stays."""
        for path in self.folder.glob(f"gauge_live*_{slot}.db"):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove everything; all workers have ended."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def memory_folder(otherwise: Path) -> Path:
    """Give a folder in memory, or for temporary files, or else a folder that can be written to."""
    if os.access(MEMORY, os.W_OK | os.X_OK):
        return MEMORY
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # everything is read-only but what the server was given to write to
        return otherwise


def _made(base: Path) -> tuple[Path, int]:
    """Make a folder and lock it for the life of this process and its workers."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():  # else another start removed it as left behind, before it was locked
            return folder, lock
        os.close(lock)


def _clear(base: Path) -> None:
    """Remove the folders that ended servers have left."""
    for folder in base.glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:  # another user's folder
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)

"""Ends of answers that the store could not take yet, safe on disk until it can.

One file a run in `DATA_DIR/outbox`: the readers of that run were told how it ended, so a kill must
not turn that into another end. A worker holds a lock on each of its files for as long as it tries
to store it. A file without a lock is a dead worker's, and any worker on this machine delivers it.
Writing waits for the disk, so it is done off the hub.
"""

import fcntl
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import gevent
import structlog

from services.domain.runs import Settlement
from services.runs.ending import settlement_codec

FOLDER = "outbox"
"""Its name in `DATA_DIR`."""

_READY = ".json"
_DRAFT = ".tmp"
_BAD = ".bad"

_log = structlog.get_logger(__name__)


class Outbox:
    """A folder of settlements; a settlement that was kept survives kill -9 and a power cut."""

    def __init__(self, folder: Path) -> None:
        """Use this folder; it is made with the first file."""
        self._folder = folder
        self._held: dict[str, int] = {}

    def keep(self, settlement: Settlement) -> bool:
        """Write a settlement to the disk, and wait until it is there; tell whether it is.

        This process must deliver it, until `forget` or the process' death. A full disk must not
        keep readers from the end of their run: the failure is only logged.
        """
        failure = gevent.get_hub().threadpool.apply(self._try_write, (settlement,))
        if failure is not None:
            _log.error("outbox_write_failed", run_id=settlement.run_id, error=str(failure))
        return failure is None

    def forget(self, run_id: str) -> None:
        """Delete a run's file, if there is one: the store has this end, or another owner's.

        A deletion that a power cut undoes does no harm: delivering it again changes nothing.
        """
        try:
            self._path(run_id, _READY).unlink(missing_ok=True)
        except OSError as exc:
            _log.error("outbox_delete_failed", run_id=run_id, error=str(exc))
        if run_id in self._held:
            os.close(self._held.pop(run_id))

    def close(self) -> None:
        """Let others on this machine deliver what is left, as this process' death does."""
        while self._held:
            os.close(self._held.popitem()[1])

    def discard_drafts(self) -> None:
        """Delete the files that killed processes left half written."""
        for path in self._folder.glob(f"*{_DRAFT}"):
            with _claimed(path) as claimed:
                if claimed:
                    path.unlink(missing_ok=True)

    def __iter__(self) -> Iterator[Settlement]:
        """Claim and read all settlements of dead workers, the oldest run first.

        Each file stays locked until the next is asked for; one that is no settlement is set aside.
        """
        for path in sorted(self._folder.glob(f"*{_READY}")):
            with _claimed(path) as claimed:
                if claimed:
                    yield from self._read(path)

    def _read(self, path: Path) -> Iterator[Settlement]:
        try:
            settlement = settlement_codec.decode(path.read_bytes())
        except FileNotFoundError:
            return  # another worker delivered it before it was claimed
        except (OSError, ValueError) as exc:
            self._set_aside(path, exc)
        else:
            yield settlement

    def set_aside(self, run_id: str, reason: Exception) -> None:
        """Keep a file that can never be delivered out of the way, for a person to look at."""
        self._set_aside(self._path(run_id, _READY), reason)

    def _set_aside(self, path: Path, reason: Exception) -> None:
        _log.error("outbox_file_bad", file=path.name, error=str(reason))
        try:
            path.replace(path.with_suffix(_BAD))
        except OSError as exc:
            _log.error("outbox_rename_failed", file=path.name, error=str(exc))

    def _path(self, run_id: str, suffix: str) -> Path:
        return self._folder / f"{run_id}{suffix}"

    def _try_write(self, settlement: Settlement) -> Exception | None:
        """Return a failure instead of raising it, as the thread pool would print it.

        Before the draft is locked, another worker may take it for a dead worker's: so try twice.
        """
        failure = self._write_once(settlement)
        return failure and self._write_once(settlement)

    def _write_once(self, settlement: Settlement) -> Exception | None:
        draft = self._path(settlement.run_id, _DRAFT)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The lock is taken before the file has its name: no other process finds it unlocked.
            self._held[settlement.run_id] = _write_through(
                draft, settlement_codec.encode(settlement)
            )
            draft.replace(self._path(settlement.run_id, _READY))
            _sync_folder(self._folder)
            # The folder itself may be new.
            _sync_folder(self._folder.parent)
        except (OSError, ValueError) as exc:
            return exc
        return None


@contextmanager
def _claimed(path: Path) -> Generator[bool, None, None]:
    """Lock a file for the block; False: another process holds the lock, or the file is gone."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    except OSError as exc:  # another user's, after the server's user was changed
        _log.error("outbox_file_closed", file=path.name, error=str(exc))
        yield False
        return
    try:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
            return
        yield False
    finally:
        os.close(file)


def _write_through(path: Path, data: bytes) -> int:
    """Write a file and wait for the disk; give its descriptor, open and locked."""
    # Only its owner may read the file: it holds the answer that a user got.
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with os.fdopen(file, "wb", closefd=False) as stream:
            stream.write(data)
        os.fsync(file)
    except BaseException:
        os.close(file)
        raise
    return file


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

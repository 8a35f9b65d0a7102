"""Ends of answers that the store could not take yet, safe on disk until it can.

One file a run in `DATA_DIR/outbox`: the readers of that run were told how it ended, so a kill must
not turn it into another end. Writing waits for the disk, so it is done off the hub.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import gevent
import msgspec
import structlog

from services.domain.events import Done, Error, Terminal
from services.domain.runs import AttemptRecord, Settlement
from services.domain.sessions import FinishReason, Status

FOLDER = "outbox"
"""Its name in `DATA_DIR`."""

_READY = ".json"
_DRAFT = ".tmp"
_BAD = ".bad"
_TERMINALS: dict[str, type[Terminal]] = {"done": Done, "error": Error}

_log = structlog.get_logger(__name__)


class _Letter(msgspec.Struct, kw_only=True, frozen=True):
    """A settlement as it stands in its file; `kind` tells which event `terminal` is."""

    run_id: str
    epoch: int
    status: Status
    text: str
    kind: str
    terminal: msgspec.Raw
    terminal_seq: int
    ended_at: datetime
    finish_reason: FinishReason | None
    attempts: tuple[AttemptRecord, ...]


class Outbox:
    """A folder of settlements; one that was kept survives kill -9 and a power cut."""

    def __init__(self, folder: Path) -> None:
        """Use this folder; it is made with the first file."""
        self._folder = folder

    def keep(self, settlement: Settlement) -> bool:
        """Write a settlement to the disk, and wait until it is there; tell whether it is.

        A disk that is full must not keep the readers from their end: the failure is only logged.
        """
        failure = gevent.get_hub().threadpool.apply(self._try_write, (settlement,))
        if failure is not None:
            _log.error("outbox_write_failed", run_id=settlement.run_id, error=str(failure))
        return failure is None

    def forget(self, run_id: str) -> None:
        """Delete a run's file, if there is one: the store has its end, or another owner's.

        A deletion that a power cut undoes does no harm: delivering it again changes nothing.
        """
        try:
            self._path(run_id, _READY).unlink(missing_ok=True)
        except OSError as exc:
            _log.error("outbox_delete_failed", run_id=run_id, error=str(exc))

    def discard_drafts(self) -> None:
        """Delete what a kill left half written; only while nothing of this process is written."""
        for path in self._folder.glob(f"*{_DRAFT}"):
            path.unlink(missing_ok=True)

    def __iter__(self) -> Iterator[Settlement]:
        """Read all settlements, the oldest run first; a file that is none is set aside."""
        for path in sorted(self._folder.glob(f"*{_READY}")):
            try:
                settlement = _read(path.read_bytes())
            except FileNotFoundError:
                continue  # its own settler was faster
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
        """Return the failure: what is raised in the pool is printed by it."""
        draft = self._path(settlement.run_id, _DRAFT)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_through(draft, _written(settlement))
            draft.replace(self._path(settlement.run_id, _READY))
            _sync_folder(self._folder)
            # The folder itself may be new.
            _sync_folder(self._folder.parent)
        except (OSError, ValueError) as exc:
            return exc
        return None


def _written(settlement: Settlement) -> bytes:
    kind = next(name for name, of in _TERMINALS.items() if isinstance(settlement.terminal, of))
    letter = _Letter(
        run_id=settlement.run_id,
        epoch=settlement.epoch,
        status=settlement.status,
        text=settlement.text,
        kind=kind,
        terminal=msgspec.Raw(msgspec.json.encode(settlement.terminal)),
        terminal_seq=settlement.terminal_seq,
        ended_at=settlement.ended_at,
        finish_reason=settlement.finish_reason,
        attempts=tuple(settlement.attempts),
    )
    return msgspec.json.encode(letter)


def _read(raw: bytes) -> Settlement:
    """Read a file, or raise ValueError."""
    letter = msgspec.json.decode(raw, type=_Letter)
    if letter.kind not in _TERMINALS:
        raise ValueError(f"unknown kind {letter.kind!r}")
    return Settlement(
        run_id=letter.run_id,
        epoch=letter.epoch,
        status=letter.status,
        text=letter.text,
        terminal=msgspec.json.decode(letter.terminal, type=_TERMINALS[letter.kind]),
        terminal_seq=letter.terminal_seq,
        ended_at=letter.ended_at,
        finish_reason=letter.finish_reason,
        attempts=letter.attempts,
    )


def _write_through(path: Path, data: bytes) -> None:
    # Only its owner may read it: it holds what somebody was answered.
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

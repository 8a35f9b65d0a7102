"""The run log in memory, for one process."""

import time
from collections import OrderedDict
from collections.abc import Callable

from services.domain.runs import Piece, Run
from services.streams.base import LogReader, LogWriter, Nudge, Remains, RunLog
from services.streams.record import NOTHING, Record


class MemoryRunLog(RunLog):
    """All logs of the process; ended ones for `keep_seconds`, within `max_bytes` for all of them.

    What was read longest ago goes first. Readers that hold an evicted log read it to its end.
    `ended_bytes` is what the ended logs take now.
    """

    is_degraded = False

    def __init__(self, keep_seconds: float, max_bytes: int) -> None:
        """Start empty."""
        self._keep_seconds = keep_seconds
        self._max_bytes = max_bytes
        self._living: dict[str, Record] = {}
        self._ended: OrderedDict[str, tuple[Record, float]] = OrderedDict()
        self.ended_bytes = 0

    def open(self, run_id: str, epoch: int) -> LogWriter:
        """Begin a run's log."""
        return self.begin(run_id, epoch)

    def begin(self, run_id: str, epoch: int, base: Piece = NOTHING) -> Record:
        """Begin a run's record; `base` is the text before its first event."""
        record = self._living[run_id] = Record(run_id, epoch, self._end, base)
        return record

    def reader(self, run_id: str) -> LogReader | None:
        """Open a log for reading; None: there is none (any more)."""
        return self.record(run_id)

    def record(self, run_id: str) -> Record | None:
        """Find a run's record; None: there is none (any more)."""
        if run_id in self._living:
            return self._living[run_id]
        if run_id not in self._ended:
            return None
        record, until = self._ended[run_id]
        if until <= time.monotonic():
            self._drop(run_id)
            return None
        self._ended.move_to_end(run_id)
        return record

    def refresh(self, run_id: str) -> None:
        """Do nothing: there is no other process."""

    def follow_from(self, run: Run, piece: Piece) -> LogReader | None:
        """Give nothing: a log that is gone does not come back."""
        del run, piece
        return None

    def take_over(self, run_id: str, epoch: int) -> Remains | None:
        """Give nothing: a log dies with its owner."""
        del run_id, epoch
        return None

    def conclude(self, run: Run) -> None:
        """Do nothing: who stored the end tells it in the same breath."""

    def send(self, nudge: Nudge) -> None:
        """Tell nobody: there is no other process."""

    def start(self, hear: Callable[[Nudge], None]) -> None:
        """Hear nobody."""

    def flush(self, seconds: float) -> None:
        """Nothing is waited for: what is appended can be read."""

    def close(self) -> None:
        """Have nothing to give back."""

    def sweep(self) -> None:
        """Drop what is too old."""
        now = time.monotonic()
        for run_id in [run_id for run_id, (_, until) in self._ended.items() if until <= now]:
            self._drop(run_id)

    def _end(self, record: Record) -> None:
        if self._living.get(record.run_id) is record:
            del self._living[record.run_id]
        if record.is_abandoned:
            return
        if record.run_id in self._ended:
            self._drop(record.run_id)
        self._ended[record.run_id] = (record, time.monotonic() + self._keep_seconds)
        self.ended_bytes += record.size
        while self.ended_bytes > self._max_bytes:
            self._drop(next(iter(self._ended)))

    def _drop(self, run_id: str) -> None:
        record, _ = self._ended.pop(run_id)
        self.ended_bytes -= record.size

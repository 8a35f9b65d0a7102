"""The run log in memory: a list and a wake-up while a run lives, packed bytes after it ended.

For one process: writers and readers are greenlets of one hub, so nothing here needs a lock and
nothing here may yield.
"""

import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence

from services.domain.deliveries import Batch
from services.domain.events import Content, Done, Error, EventId, Reasoning, RunEvent, Status
from services.domain.runs import Piece
from services.streams.base import LogReader, LogWriter, RunLog

BATCH_EVENTS = 1_000
"""Events a batch: unpacking and encoding them holds the hub for 5 ms at most."""

_CONTENT, _REASONING, _OTHER = range(3)
_RECORD_BYTES = 1_700
"""What a packed log costs beside its text: objects, start and terminal event (measured)."""


class PackedEvents:
    """The events of an ended run, texts joined in one bytes object: about 5 bytes an event."""

    __slots__ = ("_data", "_ends", "_kinds", "_others", "size")

    def __init__(self, events: Sequence[RunEvent]) -> None:
        """Pack all events of a run."""
        texts: list[bytes] = []
        end = 0
        self._ends = array("I")
        self._kinds = bytearray()
        self._others: dict[int, RunEvent] = {}
        for index, event in enumerate(events):
            if isinstance(event, Content | Reasoning):
                texts.append(event.content.encode())
                end += len(texts[-1])
                self._kinds.append(_CONTENT if isinstance(event, Content) else _REASONING)
            else:
                self._others[index] = event
                self._kinds.append(_OTHER)
            self._ends.append(end)
        self._data = b"".join(texts)
        self.size = end + 5 * len(self._ends) + _RECORD_BYTES

    def __len__(self) -> int:
        """Count the events."""
        return len(self._ends)

    def slice(self, first: int, end: int) -> list[RunEvent]:
        """Unpack the events from index `first` to before `end`."""
        return [self._unpack(index) for index in range(first, min(end, len(self._ends)))]

    def text(self) -> str:
        """Join the content pieces."""
        if _REASONING not in self._kinds:
            return self._data.decode()
        slices = (self._slice(i) for i, kind in enumerate(self._kinds) if kind == _CONTENT)
        return b"".join(slices).decode()

    def _unpack(self, index: int) -> RunEvent:
        kind = self._kinds[index]
        if kind == _OTHER:
            return self._others[index]
        text = self._slice(index).decode()
        return Content(text) if kind == _CONTENT else Reasoning(text)

    def _slice(self, index: int) -> bytes:
        return self._data[self._ends[index - 1] if index else 0 : self._ends[index]]


class _Record(LogWriter, LogReader):
    """One run's log, as its writer and its readers see it."""

    __slots__ = (
        "_batch",
        "_events",
        "_is_abandoned",
        "_on_end",
        "_packed",
        "_status",
        "_wakes",
        "epoch",
        "run_id",
    )

    def __init__(self, run_id: str, epoch: int, on_end: Callable[["_Record"], None]) -> None:
        self.run_id = run_id
        self.epoch = epoch
        self._events: list[RunEvent] = []
        self._packed: PackedEvents | None = None
        self._status: Status | None = None
        self._wakes: list[Callable[[], None]] = []
        self._batch: Batch | None = None
        self._is_abandoned = False
        self._on_end = on_end

    def append(self, event: RunEvent) -> int:
        if self._packed is not None:
            raise ValueError(f"the log of run {self.run_id} has ended")
        self._events.append(event)
        seq = len(self._events)
        if isinstance(event, Done | Error):
            self._packed = PackedEvents(self._events)
            self._events = []
            self._status = None
            self._on_end(self)
        for wake in self._wakes:
            wake()
        return seq

    def announce(self, status: Status | None) -> None:
        self._status = status
        for wake in self._wakes:
            wake()

    def abandon(self) -> None:
        if self._packed is not None:
            return
        self._is_abandoned = True
        self._on_end(self)
        for wake in self._wakes:
            wake()

    @property
    def is_abandoned(self) -> bool:
        return self._is_abandoned

    @property
    def top(self) -> int:
        return len(self._events) if self._packed is None else len(self._packed)

    @property
    def has_ended(self) -> bool:
        return self._packed is not None

    @property
    def size(self) -> int:
        """Bytes that an ended log takes."""
        return 0 if self._packed is None else self._packed.size

    def status(self) -> Status | None:
        return self._status

    def text(self) -> str:
        if self._packed is not None:
            return self._packed.text()
        return _text_of(self._events)

    def piece_after(self, seq: int) -> Piece | None:
        if seq >= self.top:
            return None
        return Piece(self.top, _text_of(self._slice(seq, self.top)))

    def after(self, seq: int) -> Batch | None:
        if seq >= self.top:
            return None
        batch, last = self._batch, min(self.top, seq + BATCH_EVENTS)
        if batch is None or batch.first_seq != seq + 1 or batch.last_seq != last:
            batch = self._batch = Batch(self.run_id, self.epoch, seq + 1, self._slice(seq, last))
        return batch

    def _slice(self, first: int, end: int) -> list[RunEvent]:
        if self._packed is None:
            return self._events[first:end]
        return self._packed.slice(first, end)

    def knows(self, cursor: EventId) -> bool:
        return (
            cursor.run_id == self.run_id and cursor.epoch == self.epoch and cursor.seq <= self.top
        )

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        self._wakes.append(wake)

        def unsubscribe() -> None:
            if wake in self._wakes:
                self._wakes.remove(wake)
            if not self._wakes:
                self._batch = None  # unpacked and encoded it is ten times what was packed

        return unsubscribe


def _text_of(events: Sequence[RunEvent]) -> str:
    return "".join([event.content for event in events if isinstance(event, Content)])


class MemoryRunLog(RunLog):
    """All logs of the process; ended ones for `keep_seconds`, within `max_bytes` for all of them.

    What was read longest ago goes first. Readers that hold an evicted log read it to its end.
    `ended_bytes` is what the ended logs take now.
    """

    def __init__(self, keep_seconds: float, max_bytes: int) -> None:
        """Start empty."""
        self._keep_seconds = keep_seconds
        self._max_bytes = max_bytes
        self._living: dict[str, _Record] = {}
        self._ended: OrderedDict[str, tuple[_Record, float]] = OrderedDict()
        self.ended_bytes = 0

    def open(self, run_id: str, epoch: int) -> LogWriter:
        """Begin a run's log."""
        record = self._living[run_id] = _Record(run_id, epoch, self._end)
        return record

    def reader(self, run_id: str) -> LogReader | None:
        """Open a log for reading; None: there is none (any more)."""
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

    def sweep(self) -> None:
        """Drop what is too old; to be called now and then."""
        now = time.monotonic()
        for run_id in [run_id for run_id, (_, until) in self._ended.items() if until <= now]:
            self._drop(run_id)

    def _end(self, record: _Record) -> None:
        self._living.pop(record.run_id, None)
        if record.is_abandoned:
            return
        self._ended[record.run_id] = (record, time.monotonic() + self._keep_seconds)
        self.ended_bytes += record.size
        while self.ended_bytes > self._max_bytes:
            self._drop(next(iter(self._ended)))

    def _drop(self, run_id: str) -> None:
        record, _ = self._ended.pop(run_id)
        self.ended_bytes -= record.size

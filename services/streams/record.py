"""One run's events as the readers of this process see them: a list while it lives, packed after.

Writers and readers are greenlets of one hub, so nothing here needs a lock and nothing may yield.
"""

from collections.abc import Callable, Sequence

from services.domain.deliveries import Batch
from services.domain.events import Content, Done, Error, EventId, RunEvent, Status
from services.domain.runs import Piece
from services.streams.base import LogReader, LogWriter
from services.streams.packed import PackedEvents

BATCH_EVENTS = 1_000
"""Events a batch: unpacking and encoding them holds the hub for 5 ms at most."""

NOTHING = Piece(0, "")


class Record(LogWriter, LogReader):  # wide: two contracts over one list of events
    """One run's log, as its writer and its readers see it.

    `base` is what came before the first event that is kept: nothing, or a text whose events are
    not known. A run may have several owners one after the other, each with an epoch of its own.
    """

    __slots__ = (
        "_base",
        "_batch",
        "_epochs",
        "_events",
        "_is_abandoned",
        "_on_end",
        "_packed",
        "_status",
        "_wakes",
        "epoch",
        "run_id",
    )

    def __init__(
        self,
        run_id: str,
        epoch: int,
        on_end: Callable[["Record"], None],
        base: Piece = NOTHING,
    ) -> None:
        """Begin with no event; `on_end` is called at the end, and when it is abandoned."""
        self.run_id = run_id
        self.epoch = epoch
        self._base = base
        self._epochs = [(epoch, base.seq)]
        self._events: list[RunEvent] = []
        self._packed: PackedEvents | None = None
        self._status: Status | None = None
        self._wakes: list[Callable[[], None]] = []
        self._batch: Batch | None = None
        self._is_abandoned = False
        self._on_end = on_end

    def append(self, event: RunEvent) -> int:
        """Number an event, keep it, wake the readers."""
        self.extend((event,))
        return self.top

    def extend(self, events: Sequence[RunEvent]) -> None:
        """Append several events, and wake the readers once."""
        if self._packed is not None:
            raise ValueError(f"the log of run {self.run_id} has ended")
        self._events.extend(events)
        if isinstance(events[-1], Done | Error):
            self._packed = PackedEvents(self._events)
            self._events = []
            self._status = None
            self._on_end(self)
        for wake in self._wakes:
            wake()

    def begin_epoch(self, epoch: int) -> None:
        """Have all further events written by the next owner."""
        self.epoch = epoch
        self._epochs.append((epoch, self.top))

    def announce(self, status: Status | None) -> None:
        """Set the current value."""
        self._status = status
        for wake in self._wakes:
            wake()

    def abandon(self) -> None:
        """Give the log up, unless it has ended."""
        if self._packed is not None or self._is_abandoned:
            return
        self._is_abandoned = True
        self._on_end(self)
        for wake in self._wakes:
            wake()

    def flush(self) -> None:
        """Nothing is waited for: what is appended can be read."""

    def keep_outcome(self, outcome: bytes) -> None:
        """Keep nothing: the log dies with the process."""

    def reader(self) -> LogReader:
        """Give itself: what is appended can be read."""
        return self

    @property
    def is_abandoned(self) -> bool:
        """Tell whether it was given up."""
        return self._is_abandoned

    @property
    def is_whole(self) -> bool:
        """Tell whether its first event is the run's."""
        return self._base.seq == 0

    @property
    def is_followed(self) -> bool:
        """Tell whether anybody reads it now."""
        return bool(self._wakes)

    @property
    def top(self) -> int:
        """Give the seq of the last event."""
        return self._base.seq + len(self._events if self._packed is None else self._packed)

    @property
    def has_ended(self) -> bool:
        """Tell whether the terminal event is there."""
        return self._packed is not None

    @property
    def size(self) -> int:
        """Bytes that an ended log takes."""
        return 0 if self._packed is None else self._packed.size + len(self._base.text)

    def status(self) -> Status | None:
        """Give the current value."""
        return self._status

    def text(self) -> str:
        """Give the answer so far."""
        kept = text_of(self._events) if self._packed is None else self._packed.text()
        return self._base.text + kept if self._base.text else kept

    def piece_after(self, seq: int) -> Piece | None:
        """Give the text after `seq`."""
        if seq >= self.top:
            return None
        return Piece(self.top, text_of(self.slice(seq, self.top)))

    def after(self, seq: int) -> Batch | None:
        """Give the next events, all of one epoch; readers at the same place share them."""
        if seq >= self.top:
            return None
        epoch, last = self._epoch_after(seq)
        batch, last = self._batch, min(last, seq + BATCH_EVENTS)
        if batch is None or batch.first_seq != seq + 1 or batch.last_seq != last:
            batch = self._batch = Batch(self.run_id, epoch, seq + 1, self.slice(seq, last))
        return batch

    def _epoch_after(self, seq: int) -> tuple[int, int]:
        """Tell which epoch the event after `seq` is of, and the last seq of that epoch."""
        last = self.top
        for epoch, base in reversed(self._epochs):
            if base <= seq:
                return epoch, last
            last = base
        raise ValueError(f"the log of run {self.run_id} does not hold what follows {seq}")

    def slice(self, after: int, last: int) -> Sequence[RunEvent]:
        """Give the events after one seq up to another."""
        first, end = after - self._base.seq, last - self._base.seq
        return self._events[first:end] if self._packed is None else self._packed.slice(first, end)

    def knows(self, cursor: EventId) -> bool:
        """Tell whether the cursor is of this run, not beyond the top and no later epoch's base."""
        if cursor.run_id != self.run_id or not self._base.seq <= cursor.seq <= self.top:
            return False
        if all(epoch != cursor.epoch for epoch, _ in self._epochs):
            return False
        return all(cursor.seq <= base for epoch, base in self._epochs if epoch > cursor.epoch)

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` at all news until the returned function is called."""
        self._wakes.append(wake)

        def unsubscribe() -> None:
            if wake in self._wakes:
                self._wakes.remove(wake)
            if not self._wakes:
                self._batch = None  # unpacked and encoded it is ten times what was packed

        return unsubscribe


def text_of(events: Sequence[RunEvent]) -> str:
    """Put the pieces of the answer together."""
    return "".join([event.content for event in events if isinstance(event, Content)])

"""One run's log as its owner writes it: appended here, flushed to Redis, then delivered."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gevent.event import Event

from services.domain.events import Done, Error, RunEvent, Status
from services.domain.runs import Piece
from services.streams.base import LogReader, LogUnavailable, LogWriter
from services.streams.record import BATCH_EVENTS, Record, text_of
from services.streams.redis.entries import Unsent


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How a writer acts on the world: it can `wake` its flusher, and tell others over Redis.

    `patience` is how long a caller waits for Redis, in seconds.
    """

    wake: Callable[["RedisWriter"], None]
    keep_outcome: Callable[[str, bytes], None]
    tell_status: Callable[[str, Status | None], None]
    patience: float


class RedisWriter(LogWriter):  # wide: a contract, and its flusher's view of it
    """Holds what Redis has not acknowledged; the record holds what readers here may see.

    `newest` is the id of the newest entry that Redis has; it is empty before the first. While Redis
    is away events are delivered before they are acknowledged, and sent when it is back.
    """

    def __init__(self, record: Record, newest: str, ways: Ways) -> None:
        """Go on after the record's top, which `newest` has."""
        self.record = record
        self.run_id = record.run_id
        self.epoch = record.epoch
        self.newest = newest
        self.delivers_at_once = False
        self._pending: list[RunEvent] = []
        self._top = self._acknowledged = record.top
        self._has_ended = self._is_stored = record.has_ended
        self.ended_at: float | None = None
        self._ways = ways
        self._is_flushed: Event | None = None

    def append(self, event: RunEvent) -> int:
        """Number an event; readers get it with the flush that writes it."""
        if self._has_ended:
            raise ValueError(f"the log of run {self.run_id} has ended")
        if isinstance(event, Done | Error):
            self._has_ended, self._is_stored = True, event.persisted
            self.ended_at = time.monotonic()
        self._top += 1
        self._pending.append(event)
        if self.delivers_at_once:
            self.deliver()
        self._ways.wake(self)
        return self._top

    def announce(self, status: Status | None) -> None:
        """Set the status that all readers see; readers in other processes are told a new one."""
        if status is not self.record.status():
            self.record.announce(status)
            self._ways.tell_status(self.run_id, status)

    def abandon(self) -> None:
        """Give the log up; its next owner continues it."""
        self.record.abandon()
        self._ways.wake(self)  # so that the flusher forgets this writer

    def flush(self) -> None:
        """Wait until Redis has everything, or is slow or away."""
        if self.has_news and not self.delivers_at_once:
            self._is_flushed = Event()
            self._is_flushed.wait(self._ways.patience)

    def keep_outcome(self, outcome: bytes) -> None:
        """Keep the outcome in Redis, if Redis is there."""
        try:
            self._ways.keep_outcome(self.run_id, outcome)
        except LogUnavailable:
            return  # the outbox has the outcome too

    def reader(self) -> LogReader:
        """Give what readers of this process may see: what Redis has, while it is there."""
        return self.record

    @property
    def top(self) -> int:
        """Give the seq of the last event, flushed or not."""
        return self._top

    def text(self) -> str:
        """Give the answer so far, flushed or not."""
        return self.record.text() + text_of(self._pending)

    def piece_after(self, seq: int) -> Piece | None:
        """Give the text after `seq`, flushed or not."""
        if seq >= self._top:
            return None
        return Piece(self._top, text_of(self._events(seq, self._top)))

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left to be flushed, and nothing will come."""
        if self.record.is_abandoned:
            return True
        return self._has_ended and self._acknowledged == self._top

    @property
    def has_news(self) -> bool:
        """Tell whether something is not acknowledged."""
        return self._acknowledged < self._top and not self.record.is_abandoned

    def unsent(self) -> Unsent:
        """Give the entry to write next.

        It is no end before the store has that end: whoever takes the run over will need the log.
        """
        if self._top <= self._acknowledged + BATCH_EVENTS and self._acknowledged == self.record.top:
            # The usual case: a turn of the flusher pays for this with each run.
            ends = self._has_ended and self._is_stored
            id_ = f"{self.epoch}-{self._top}"
            return Unsent(self.run_id, self.newest, id_, ends, self._pending[:])
        last = min(self._top, self._acknowledged + BATCH_EVENTS)
        ends = self._has_ended and self._is_stored and last == self._top
        events = self._events(self._acknowledged, last)
        return Unsent(self.run_id, self.newest, f"{self.epoch}-{last}", ends, events)

    def acknowledge(self, newest: str) -> None:
        """Note what Redis has, and deliver up to there."""
        self.newest = newest
        acknowledged = self._acknowledged = seq_of(newest)
        undelivered = acknowledged - self.record.top
        if undelivered > 0:
            self._deliver(undelivered)
        if self._is_flushed is not None and acknowledged == self._top:
            self._is_flushed.set()

    def start_over(self) -> None:
        """Note that Redis has lost the log: all of it is sent again."""
        self.newest, self._acknowledged = "", 0

    def let_go(self) -> None:
        """Note that Redis need not have the rest any more."""
        self.deliver()
        self._acknowledged = self._top

    def deliver(self) -> None:
        """Let readers have what is not acknowledged yet."""
        if self._pending and not self.record.is_abandoned:
            self._deliver(len(self._pending))

    def _deliver(self, count: int) -> None:
        if count == len(self._pending):
            events, self._pending = self._pending, []
        else:
            events = self._pending[:count]
            del self._pending[:count]
        if not self.record.has_ended:
            self.record.extend(events)

    def _events(self, after: int, last: int) -> Sequence[RunEvent]:
        """Give events by their seqs; the younger ones are those not delivered yet."""
        delivered = self.record.top
        if last <= delivered:
            return self.record.slice(after, last)
        pending = self._pending[max(0, after - delivered) : last - delivered]
        return pending if after >= delivered else [*self.record.slice(after, delivered), *pending]


def seq_of(newest: str) -> int:
    """Give the seq that the id of an entry names."""
    return int(newest.partition("-")[2])


def epoch_of(newest: str) -> int:
    """Give the epoch that the id of an entry names."""
    return int(newest.partition("-")[0])


def place_of(newest: str) -> tuple[int, int]:
    """Give epoch and seq that the id of an entry names; Redis orders entries by them."""
    return epoch_of(newest), seq_of(newest)

"""Readers of run logs: replay from a cursor, then live, with pings while nothing happens.

A reader is a cursor, never a queue: the writer does not wait for it and keeps nothing for it. Who
reads too slowly is dropped by the send timeout of its socket and resumes. Where its socket takes a
batch at once the hub hands it over, and the greenlet that reads goes on waiting.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gevent

from services.domain.deliveries import PING, Batch, Delivery, Outlet
from services.domain.events import Attempt, Done, Error, Resume, Status
from services.streams.base import LogReader
from services.streams.bell import Bell
from services.streams.places import Place, Places, ReaderCaps
from services.telemetry.metrics import Metrics

_TICK_SECONDS = 0.5
_TERMINALS = (Done, Error)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderRequest:
    """Who reads, from where: all events after `after`; `greeting` comes before the first.

    `is_admitted`: there was room before the run was begun, so its first reader is not refused.

    `may_go_on` is asked at every ping; the stream ends without a terminal event where it says no.
    `address` is where the reader is; empty: it is in no network.
    """

    user_id: str
    address: str = ""
    after: int = 0
    greeting: Resume | None = None
    is_admitted: bool = False
    may_go_on: Callable[[], bool] = lambda: True


class Subscription(Iterator[Delivery]):  # wide: a cursor, and all that its reader may be told
    """What one reader gets, in order; ends after the terminal event.

    Must be closed: an iterator and no generator, because closing a generator that was never
    started runs none of its code, and the reader's place would be lost.
    """

    def __init__(
        self, reader: LogReader, request: ReaderRequest, leave: Callable[["Subscription"], None]
    ) -> None:
        """Subscribe at once, so that nothing is missed between now and the first `next()`."""
        self.run_id = reader.run_id
        self.place = Place.of(reader.run_id, request.user_id, request.address)
        self.sent_at = time.monotonic()
        self._reader = reader
        self._seq = request.after
        self._greeting = request.greeting
        self._may_go_on = request.may_go_on
        self._leave = leave
        self._told: Status | None = None
        self._ping_due = False
        self._has_more = False
        self._ended = False
        self._is_finishing = False
        self._bell = Bell()
        self._unsubscribe = reader.subscribe(self._bell.ring)

    def text(self) -> str:
        """Give the run's text so far."""
        return self._reader.text()

    @property
    def is_over(self) -> bool:
        """Tell whether nothing follows what was delivered last."""
        return self._ended

    def pass_on(self, outlet: Outlet) -> None:
        """Offer batches to an outlet while the reader waits in `next`; the last one is never."""
        self._bell.before_news = outlet.flush
        self._bell.instead = lambda: self._offer(outlet)

    def _offer(self, outlet: Outlet) -> bool:
        """Pass on what came, or tell that the reader must see to it itself."""
        reader = self._reader
        if self._ended or self._is_finishing or reader.has_ended or reader.is_abandoned:
            return False
        batch = self._next_batch()
        if batch is None or not outlet.offer(batch):
            return False
        return not self._has_more and reader.status() is self._told

    def ping(self) -> None:
        """Have a ping sent, if nothing else is."""
        self._ping_due = True
        self._bell.wake()

    def __next__(self) -> Delivery:
        """Wait for what comes next."""
        if self._has_more:
            gevent.sleep(0)  # a long replay lets the others have their turn between two batches
        while not self._ended:
            delivery = self._take()
            if delivery is not None:
                return delivery
            self._bell.wait()
        raise StopIteration

    def _take(self) -> Delivery | None:
        if self._greeting is not None:
            greeting, self._greeting = self._greeting, None
            return self._seen(greeting)
        batch = self._next_batch()
        if batch is not None:
            return batch
        if self._reader.is_abandoned or self._reader.has_ended or self._is_finishing:
            self._ended = True
            return PING
        return self._take_passing()

    def _next_batch(self) -> Batch | None:
        batch = self._reader.after(self._seq)
        if batch is None:
            return None
        self._seq = batch.last_seq
        self._has_more = self._seq < self._reader.top
        last = batch.events[-1]
        self._ended = isinstance(last, _TERMINALS)
        if not isinstance(last, Attempt) or not all(isinstance(e, Attempt) for e in batch.events):
            self._seen(batch)  # what is internal does not reach the reader: it is no sign of life
        return batch

    def _seen(self, delivery: Delivery) -> Delivery:
        """Note that something reaches the reader."""
        self.sent_at = time.monotonic()
        self._ping_due = False
        return delivery

    def _take_passing(self) -> Delivery | None:
        """Take what is no history: a status that changed, or a ping.

        No status comes before the run's start, which other processes may have yet to hear of.
        """
        status = self._reader.status() if self._seq else None
        if status is not self._told:
            self._told = status
            if status is not None:
                return self._seen(status)
        if self._ping_due:
            self._ended = not self._may_go_on()
            return self._seen(PING)
        return None

    def finish(self) -> None:
        """Have it end once it has delivered what is there; the reader reconnects elsewhere."""
        self._is_finishing = True
        self._bell.wake()

    def close(self) -> None:
        """Give the place back; closing twice does nothing."""
        self._ended = True
        self._bell.instead = self._bell.before_news = None  # no circle for the collector
        self._bell.wake()
        self._unsubscribe()
        self._leave(self)


class Followers:
    """All readers of this process: admits them within the caps and pings those that idle."""

    def __init__(self, caps: ReaderCaps, ping_seconds: float, metrics: Metrics) -> None:
        """Start with nobody; `run` must be spawned for pings."""
        self._metrics = metrics
        self._places = Places(caps)
        self._ping_seconds = ping_seconds
        self._present: set[Subscription] = set()
        self._is_finishing = False

    def __len__(self) -> int:
        """Count the readers."""
        return len(self._present)

    def check_room(self, user_id: str, address: str = "") -> None:
        """Raise TooManyStreams or TooManyRequests where one more reader would be refused."""
        self._places.check_room(user_id, address)

    def follow(self, reader: LogReader, request: ReaderRequest) -> Subscription:
        """Admit a reader; it holds its place until it is closed."""
        if not request.is_admitted:
            self.check_room(request.user_id, request.address)
        self._places.check_run(reader.run_id)
        subscription = Subscription(reader, request, self._leave)
        self._present.add(subscription)
        self._places.take(subscription.place)
        self._metrics.reader_came()
        if self._is_finishing:
            subscription.finish()
        return subscription

    def finish(self) -> None:
        """End all streams, and each that is opened later, once they have told what there is.

        Without a terminal event, where their run goes on elsewhere.
        """
        self._is_finishing = True
        for subscription in list(self._present):
            subscription.finish()

    def _leave(self, subscription: Subscription) -> None:
        if subscription not in self._present:
            return
        self._present.remove(subscription)
        self._places.give_back(subscription.place)
        self._metrics.reader_left()

    def run(self) -> None:
        """Ping idle readers, for ever. One clock for all: a timer a wait would cost each event.

        A tick early rather than late: no silence is longer than `ping_seconds`.
        """
        tick = min(_TICK_SECONDS, self._ping_seconds / 4)
        while True:
            gevent.sleep(tick)
            idle_since = time.monotonic() - self._ping_seconds + tick
            for subscription in list(self._present):
                if subscription.sent_at <= idle_since:
                    subscription.ping()

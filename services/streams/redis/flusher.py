"""Writes to Redis what the runs of this process append: one flush at a time, for all of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import gevent
import structlog
from gevent.event import Event

from services.domain.errors.outages import StoreUnavailable
from services.streams.base import LogUnavailable
from services.streams.record import Record
from services.streams.redis import codec
from services.streams.redis.degradation import Degradation
from services.streams.redis.entries import Unsent
from services.streams.redis.link import RedisLink
from services.streams.redis.nudges import Nudges
from services.streams.redis.tail import States
from services.streams.redis.writer import RedisWriter, Ways, epoch_of, seq_of
from services.telemetry.metrics import Metrics

FLUSH_EVENTS = 2_000
"""Events in a flush: more would hold this hub, and Redis, for longer than readers wait."""

ENDED_SECONDS = 60.0
"""How long ended logs wait for a Redis that is away: later the store has their ends."""

_RETRY_SECONDS = 0.2

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushTimes:
    """The least time between two flushes, and how long readers wait for a flush."""

    pace: float
    patience: float


@dataclass(frozen=True, slots=True)
class _FlushBatch:
    """The writers of one flush, and what each of them sends with it."""

    writers: list[RedisWriter]
    unsent: list[Unsent]


class Flusher:
    """The writers of this process.

    While Redis is away, or slower than `patience`, it is degraded: readers here are served from
    memory at once, and everything is sent when Redis is back.
    """

    def __init__(
        self,
        link: RedisLink,
        times: FlushTimes,
        states: States,
        nudges: Nudges,
        lost: Callable[[str], None],
        metrics: Metrics,
    ) -> None:
        """Call `lost` for a run that has another owner."""
        self._ways = Ways(
            wake=self._note,
            keep_outcome=link.keep_outcome,
            tell_status=nudges.send_status,
            patience=times.patience,
        )
        self.degradation = Degradation(
            link.redis, times.patience, metrics, self._turn, lambda: not self._news
        )
        self._link = link
        self._times = times
        self._states = states
        self._lost = lost
        self._writers: dict[str, RedisWriter] = {}
        self._news: dict[RedisWriter, None] = {}
        self._gone: dict[RedisWriter, None] = {}
        self._wake = Event()
        self._flushed_at = 0.0
        self._is_answered = Event()
        self._is_answered.set()

    def open(self, record: Record, newest: str) -> RedisWriter:
        """Begin to write a run's log after the entry `newest`."""
        writer = RedisWriter(record, newest, self._ways)
        writer.delivers_at_once = self.degradation.is_on
        if not record.has_ended:
            self._writers[record.run_id] = writer
        return writer

    def writes(self, run_id: str) -> bool:
        """Tell whether this process writes a run."""
        writer = self._writers.get(run_id)
        return writer is not None and not writer.record.is_abandoned

    def run(self) -> None:
        """Flush for ever."""
        while True:
            self._wake.wait()
            gevent.sleep(max(0.0, self._flushed_at + self._times.pace - time.monotonic()))
            self._wake.clear()
            self._flushed_at = time.monotonic()
            try:
                self.flush()
            except Exception:  # noqa: BLE001 - without flushes every reader would wait for ever
                _log.exception("flush_crashed")
                gevent.sleep(_RETRY_SECONDS)
                self._wake.set()

    def _let_old_ends_go(self) -> None:
        now = time.monotonic()
        for writer in list(self._writers.values()):
            if writer.ended_at is not None and now - writer.ended_at > ENDED_SECONDS:
                writer.let_go()
                self._forget(writer)

    def flush(self) -> None:
        """Send what is new; what could not be sent stays new."""
        if self.degradation.is_on:
            self._let_old_ends_go()
        self._resolve_gone()
        for writer in self._news:
            if writer.is_done:
                self._forget(writer)
        batch = self._next_batch()
        if not batch.writers:
            return
        self._is_answered.clear()
        try:
            with self.degradation.sending():
                failed = self._link.flush(
                    batch.unsent, [codec.encode(one.events) for one in batch.unsent]
                )
        except LogUnavailable:
            self._news.update(dict.fromkeys(batch.writers))
            gevent.sleep(_RETRY_SECONDS)
            self._wake.set()
            return
        finally:
            self._is_answered.set()
        for index, writer in enumerate(batch.writers):
            if index in failed:
                self._reconcile(writer, failed[index])
            else:
                writer.acknowledge(batch.unsent[index].id)
            self._go_on(writer)

    def _next_batch(self) -> _FlushBatch:
        """Take as many writers with news as one flush may carry; the others stay."""
        batch, events = _FlushBatch([], []), 0
        for writer in list(self._news):
            if events >= FLUSH_EVENTS:
                self._wake.set()
                break
            del self._news[writer]
            if writer.has_news:
                unsent = writer.unsent()
                batch.writers.append(writer)
                batch.unsent.append(unsent)
                events += len(unsent.events)
        return batch

    def await_answer(self) -> None:
        """Wait until the flush that is under way is acknowledged, for as long as readers wait."""
        self._is_answered.wait(self._times.patience)

    def settle_down(self, seconds: float) -> None:
        """Wait until everything is flushed, for at most so many seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not any(writer.has_news for writer in self._writers.values()):
                return
            self._wake.set()
            gevent.sleep(self._times.pace)

    def _turn(self, is_degraded: bool) -> None:  # noqa: FBT001 - a state that is told
        """Deliver events before Redis has them, or only afterwards again."""
        for writer in self._writers.values():
            writer.delivers_at_once = is_degraded
            if is_degraded:
                writer.deliver()
            else:
                self._note(writer)

    def _note(self, writer: RedisWriter) -> None:
        self._news[writer] = None
        if not self._wake.is_set():
            self._wake.set()

    def _go_on(self, writer: RedisWriter) -> None:
        """Forget a writer that is done; note one that got more events meanwhile."""
        if writer.is_done:
            self._forget(writer)
        elif writer.has_news:
            self._note(writer)

    def _forget(self, writer: RedisWriter) -> None:
        if self._writers.get(writer.run_id) is writer:
            del self._writers[writer.run_id]

    def _reconcile(self, writer: RedisWriter, found: str) -> None:
        """Act on a newest entry in Redis that is not the expected one.

        An older entry of this epoch: Redis has lost its last moments. A younger one: the reply to
        an earlier flush was lost. None: Redis has lost the whole log. A later epoch: the run has
        another owner.
        """
        if not found:
            self._gone[writer] = None
        elif epoch_of(found) > writer.epoch or seq_of(found) > writer.top:
            self._lose(writer)
        else:
            writer.acknowledge(found)

    def _resolve_gone(self) -> None:
        """Write again the logs that Redis has lost, if the runs are still this process'."""
        gone = [writer for writer in self._gone if not writer.record.is_abandoned]
        if not gone:
            self._gone.clear()
            return
        try:
            states = self._states([writer.run_id for writer in gone])
        except StoreUnavailable:
            gevent.sleep(_RETRY_SECONDS)
            self._wake.set()
            return
        for writer in gone:
            self._gone.pop(writer, None)
            run = states.get(writer.run_id)
            if run is not None and run.epoch != writer.epoch:
                self._lose(writer)
            elif run is not None and run.is_active:
                writer.start_over()
                self._note(writer)
            else:
                writer.let_go()  # the run is settled: its end is found in the store
                self._forget(writer)

    def _lose(self, writer: RedisWriter) -> None:
        _log.warning("log_lost", run_id=writer.run_id, epoch=writer.epoch)
        self._forget(writer)
        writer.abandon()
        self._lost(writer.run_id)

"""The run log over Redis: own runs are flushed there, those of others are followed from there.

In both cases readers see a record in memory: of an own run what Redis has acknowledged, of another
process' run what was read from Redis. Ended records stay in memory for a while, as in the embedded
mode.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gevent
import msgspec
import structlog

from services.domain.events import Attempt, Done, Error
from services.domain.runs import Piece, Run
from services.redis.check import RefusedRedis
from services.stores.base.runs import RunStore
from services.streams.base import (
    LogReader,
    LogUnavailable,
    LogWriter,
    Nudge,
    NudgeKind,
    Remains,
    RunLog,
)
from services.streams.memory import MemoryRunLog
from services.streams.record import Record
from services.streams.redis.entries import Entry, LoadedLog
from services.streams.redis.flusher import Flusher, FlushTimes
from services.streams.redis.link import RedisLink
from services.streams.redis.nudges import Nudges, read
from services.streams.redis.tail import Replica, Tail, end_with
from services.streams.redis.writer import epoch_of
from services.telemetry.metrics import Metrics

_CLOSE_SECONDS = 2.0
_CHECK_SECONDS = 1.0
_REFUSED_SECONDS = 30.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisTimes:
    """Seconds between two flushes, that readers wait for one, and of silence before a look-up."""

    pace: float
    patience: float
    idle: float


class RedisRunLog(RunLog):  # wide: the contract alone has twelve methods
    """All logs that this process writes or follows."""

    def __init__(
        self,
        link: RedisLink,
        local: MemoryRunLog,
        store: RunStore,
        times: RedisTimes,
        metrics: Metrics,
    ) -> None:
        """Keep records in `local`; ask `store` who owns a run, and how a run has ended."""
        self._link = link
        self._local = local
        self._store = store
        self._nudges = Nudges(link)
        self._hear: Callable[[Nudge], None] | None = None
        self._flusher = Flusher(
            link,
            FlushTimes(pace=times.pace, patience=times.patience),
            store.states,
            self._nudges,
            self._lose,
            metrics,
        )
        self._tail = Tail(link, store.states, pace=times.pace, idle_seconds=times.idle)
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    @property
    def is_degraded(self) -> bool:  # type: ignore[override]  # a claim that changes
        """Tell whether Redis is away, or late."""
        return self._flusher.degradation.is_on

    def open(self, run_id: str, epoch: int) -> LogWriter:
        """Begin a run's log; its stream begins with the first flush."""
        early = self._local.record(run_id)
        if early is not None:  # a reader came before the launch, and began to follow the run
            self._tail.leave(run_id)
            early.abandon()
        return self._flusher.open(self._local.begin(run_id, epoch), "")

    def reader(self, run_id: str) -> LogReader | None:
        """Open a log that is in memory, or read it from Redis."""
        record = self._local.record(run_id)
        if record is not None or self.is_degraded:
            return record
        try:
            loaded = self._link.load(run_id)
        except LogUnavailable as exc:
            self._flusher.degradation.begin(str(exc))
            return None
        # Another reader may have come first meanwhile.
        return self._local.record(run_id) or self._replica(run_id, loaded)

    def _replica(self, run_id: str, loaded: LoadedLog) -> Record | None:
        """Begin to follow another process' run; None: there is no log, or it has a hole."""
        if not _holds_events(loaded.entries):
            return None
        replica = Replica(self._local.begin(run_id, _first_epoch(loaded.entries)))
        try:
            replica.take(loaded.entries)
            if loaded.status is not None and not replica.record.has_ended:
                replica.record.announce(read(loaded.status).status)
        except msgspec.MsgspecError:
            _log.exception("log_not_understood", run_id=run_id)
            replica.record.abandon()
        if replica.record.is_abandoned:
            return None
        self._tail.follow(replica)
        return replica.record

    def refresh(self, run_id: str) -> None:
        """Read a log before the tail gets to it.

        A client that follows an own run elsewhere may have read from Redis what is not acknowledged
        here yet.
        """
        if self._flusher.writes(run_id):
            self._flusher.await_answer()
            return
        try:
            self._tail.catch_up(run_id)
        except LogUnavailable as exc:
            self._flusher.degradation.begin(str(exc))

    def follow_from(self, run: Run, piece: Piece) -> LogReader | None:
        """Follow a run from what its checkpoints hold."""
        record = self._local.record(run.id)
        if record is None:
            record = self._local.begin(run.id, run.epoch, piece)
            self._tail.follow(Replica(record))
        return record

    def take_over(self, run_id: str, epoch: int) -> Remains | None:
        """Fence the stream and read what is there."""
        fenced = self._link.fence(run_id, epoch)
        if not _holds_events(fenced.entries):
            return None if fenced.outcome is None else Remains(outcome=fenced.outcome)
        record = self._taken(run_id, fenced.entries)
        told_epoch = record.epoch
        if record.epoch < epoch and not record.has_ended:
            record.begin_epoch(epoch)
        events = record.slice(0, record.top)
        last = events[-1] if events else None
        return Remains(
            writer=self._flusher.open(record, f"{epoch}-{record.top}"),
            terminal=last if isinstance(last, Done | Error) else None,
            told_epoch=told_epoch,
            calls=[event for event in events if isinstance(event, Attempt)],
            outcome=fenced.outcome,
        )

    def _taken(self, run_id: str, entries: Sequence[Entry]) -> Record:
        """Bring the record of a run to what its stream holds, from its first event on."""
        self._tail.leave(run_id)
        record = self._local.record(run_id)
        if record is None or not record.is_whole:
            if record is not None:
                record.abandon()  # its readers come back, and find the whole log
            record = self._local.begin(run_id, _first_epoch(entries))
        Replica(record).take(entries)
        if record.is_abandoned:  # its readers saw what the stream has lost
            record = self._local.begin(run_id, _first_epoch(entries))
            Replica(record).take(entries)
        return record

    def conclude(self, run: Run) -> None:
        """End the record of another process' run as the store says."""
        record = self._local.record(run.id)
        if record is None or self._flusher.writes(run.id):
            return
        self.refresh(run.id)  # the last events may be in Redis, and not here yet
        self._tail.leave(run.id)
        if not self._flusher.writes(run.id):
            end_with(record, run)

    def send(self, nudge: Nudge) -> None:
        """Publish the nudge."""
        self._nudges.send(nudge)

    def start(self, hear: Callable[[Nudge], None]) -> None:
        """Flush, follow, watch and listen."""
        self._hear = hear

        def take(nudge: Nudge) -> None:
            if nudge.kind is NudgeKind.STATUS:
                self._show(nudge)
            else:
                hear(nudge)

        loops = (self._flusher.run, self._flusher.degradation.run, self._tail.run, self._check)
        self._greenlets.extend(gevent.spawn(loop) for loop in loops)
        self._greenlets.append(gevent.spawn(self._nudges.run, take))

    def sweep(self) -> None:
        """Drop what is too old."""
        self._local.sweep()

    def flush(self, seconds: float) -> None:
        """Wait until everything is acknowledged, for at most so many seconds."""
        self._flusher.settle_down(seconds)

    def close(self) -> None:
        """Flush the rest, for two seconds at most."""
        self.flush(_CLOSE_SECONDS)
        gevent.killall(self._greenlets)
        self._flusher.degradation.close()
        self._link.close()

    def _check(self) -> None:
        """Check, as soon as Redis answers, whether it keeps what it is given, until it does."""
        told = ""
        while True:
            try:
                self._link.check()
            except LogUnavailable:
                gevent.sleep(_CHECK_SECONDS)
            except RefusedRedis as exc:
                if str(exc) != told:
                    told = str(exc)
                    _log.error("redis_refused", reason=told)
                gevent.sleep(_REFUSED_SECONDS)
            else:
                return

    def _show(self, nudge: Nudge) -> None:
        """Show the readers of another process' run what they wait for."""
        record = self._local.record(nudge.id)
        if record is not None and not record.has_ended and not self._flusher.writes(nudge.id):
            record.announce(nudge.status)

    def _lose(self, run_id: str) -> None:
        if self._hear is not None:
            self._hear(Nudge(NudgeKind.LOST, run_id))


def _holds_events(entries: Sequence[Entry]) -> bool:
    """Tell whether there is more than handovers."""
    return any(entry.events is not None for entry in entries)


def _first_epoch(entries: Sequence[Entry]) -> int:
    return epoch_of(entries[0].id.decode())

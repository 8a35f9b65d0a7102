"""Follows the logs that other processes write, with one call for all readers of this process."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import gevent
import structlog
from gevent.event import Event

from services.domain.errors.outages import StoreUnavailable
from services.domain.runs import Run
from services.streams.base import LogUnavailable
from services.streams.record import Record
from services.streams.redis import codec
from services.streams.redis.entries import Entry
from services.streams.redis.link import RedisLink
from services.streams.redis.writer import epoch_of, place_of, seq_of

States = Callable[[Sequence[str]], Mapping[str, Run]]
"""Asks the store for these runs; a run that was deleted is missing."""

_KEEP_SECONDS = 10.0
"""How long a log without readers here is kept up to date: readers come back."""

_RETRY_SECONDS = 0.2

_log = structlog.get_logger(__name__)


class Replica:
    """A record of another process' run, and where it stands in the stream."""

    __slots__ = ("heard_at", "newest", "read_at", "record")

    def __init__(self, record: Record) -> None:
        """Begin at the record's top."""
        self.record = record
        self.newest = f"{record.epoch}-{record.top}".encode()
        self.heard_at = self.read_at = time.monotonic()

    def take(self, entries: Sequence[Entry]) -> None:
        """Append the new ones of these entries; those that are there already are passed over.

        An entry that does not follow on the last one means that some are lost: the record is then
        abandoned.
        """
        record = self.record
        for entry in entries:
            if record.has_ended or record.is_abandoned:
                return
            name = entry.id.decode()
            if place_of(name) <= place_of(self.newest.decode()):
                continue  # two reads crossed
            self.newest = entry.id
            if entry.events is not None:
                self._append(record, name, codec.decode(entry.events))
            elif epoch_of(name) > record.epoch:
                _hand_over(record, name, record.top - seq_of(name))
        self.heard_at = time.monotonic()

    def _append(self, record: Record, name: str, events: Sequence[object]) -> None:
        known = record.top - (seq_of(name) - len(events))
        if known < 0:
            record.abandon()
        elif epoch_of(name) > record.epoch:
            _hand_over(record, name, known)
        if known < len(events) and not record.is_abandoned:
            record.extend(events[known:])  # type: ignore[arg-type]  # as `decode` gives them


class Tail:
    """All logs of other processes that are read here.

    A log that is silent for `idle_seconds` is looked up in the store: its owner may have died
    between storing the end and publishing it.
    """

    def __init__(
        self,
        link: RedisLink,
        states: States,
        *,
        pace: float,
        idle_seconds: float,
    ) -> None:
        """Read every `pace` seconds; ask `states` of the store."""
        self._link = link
        self._states = states
        self._pace = pace
        self._idle_seconds = idle_seconds
        self._replicas: dict[str, Replica] = {}
        self._is_needed = Event()

    def follow(self, replica: Replica) -> None:
        """Keep a replica up to date from now on."""
        if not replica.record.has_ended:
            self._replicas[replica.record.run_id] = replica
            self._is_needed.set()

    def leave(self, run_id: str) -> None:
        """Stop following a run: it is this process' own now."""
        self._replicas.pop(run_id, None)

    def run(self) -> None:
        """Read for ever."""
        checked_at = time.monotonic()
        was_away = False
        while True:
            self._is_needed.wait()
            gevent.sleep(self._pace)
            try:
                self.read()
                if was_away:
                    was_away = False
                    self._hear_all()  # what was written meanwhile can now be read
                if time.monotonic() - checked_at >= min(1.0, self._idle_seconds / 4):
                    checked_at = time.monotonic()
                    self._look_after_safely()
            except LogUnavailable:
                was_away = True
                gevent.sleep(_RETRY_SECONDS)
                self._look_after_safely()
            except Exception:  # noqa: BLE001 - without it readers here would wait for ever
                _log.exception("tail_crashed")
                gevent.sleep(_RETRY_SECONDS)

    def catch_up(self, run_id: str) -> None:
        """Read once what is new in one log, without waiting for its turn."""
        if run_id in self._replicas:
            self._read({run_id: self._replicas[run_id].newest})

    def read(self) -> None:
        """Read once what is new in all logs."""
        positions = {run_id: replica.newest for run_id, replica in self._replicas.items()}
        if positions:
            self._read(positions)
        else:
            self._is_needed.clear()

    def _read(self, positions: Mapping[str, bytes]) -> None:
        for run_id, entries in self._link.read(positions).items():
            replica = self._replicas.get(run_id)
            if replica is not None:
                replica.take(entries)
                if replica.record.has_ended or replica.record.is_abandoned:
                    self.leave(run_id)

    def _hear_all(self) -> None:
        now = time.monotonic()
        for replica in self._replicas.values():
            replica.heard_at = now

    def _look_after_safely(self) -> None:
        try:
            self.look_after()
        except Exception:  # noqa: BLE001 - what is not looked up now is looked up next time
            _log.exception("tail_check_crashed")

    def look_after(self) -> None:
        """Look silent runs up, and drop those without readers."""
        now = time.monotonic()
        silent = []
        for run_id, replica in list(self._replicas.items()):
            if replica.record.is_followed:
                replica.read_at = now
            elif now - replica.read_at > _KEEP_SECONDS:
                self.leave(run_id)
                replica.record.abandon()  # a reader may be about to subscribe to it
                continue
            if now - replica.heard_at >= self._idle_seconds:
                silent.append(replica)
        if silent:
            self._look_up(silent)

    def _look_up(self, silent: Sequence[Replica]) -> None:
        try:
            states = self._states([replica.record.run_id for replica in silent])
        except StoreUnavailable:
            return
        for state in states.values():
            if not state.is_active:
                with suppress(LogUnavailable):
                    self.catch_up(
                        state.id
                    )  # the last events may have come while the store was asked
        for replica in silent:
            run_id = replica.record.run_id
            if self._replicas.get(run_id) is not replica:
                continue  # the run has become this process' own meanwhile
            replica.heard_at = time.monotonic()
            run = states.get(run_id)
            if run is None:
                replica.record.abandon()
            elif not run.is_active:
                end_with(replica.record, run)
            if replica.record.has_ended or replica.record.is_abandoned:
                self.leave(run_id)


def _hand_over(record: Record, name: str, too_many: int) -> None:
    """Go on under the next owner, unless readers saw more than the stream holds (now)."""
    if too_many:
        record.abandon()
    else:
        record.begin_epoch(epoch_of(name))


def end_with(record: Record, run: Run) -> None:
    """Give a record the end that the store has, or abandon it if more than the end is missing."""
    if record.has_ended or record.is_abandoned:
        return
    epoch, seq = run.terminal_epoch, run.terminal_seq
    if run.terminal is None or epoch is None or seq != record.top + 1:
        record.abandon()
        return
    if epoch > record.epoch:
        record.begin_epoch(epoch)
    record.append(run.terminal)

"""Where a reader begins: its greeting, its cursor, and whether the log still knows the cursor."""

import time
from collections.abc import Callable

import gevent

from services.domain.errors.outages import StoreUnavailable
from services.domain.errors.requests import NotFound
from services.domain.events import EventId, Resume, Terminal
from services.domain.runs import Run
from services.domain.users import Caller
from services.stores.base.runs import RunStore
from services.streams.base import LogReader, RunLog
from services.streams.follow import Followers, ReaderRequest, Subscription
from services.streams.stored import StoredRun

MayGoOn = Callable[[], bool]

LOG_WAIT_SECONDS = 5
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.5


class Readers:
    """Opens runs for reading, from the log while it is there, else from the store."""

    def __init__(
        self,
        store: RunStore,
        log: RunLog,
        followers: Followers,
        log_wait_seconds: float = LOG_WAIT_SECONDS,
    ) -> None:
        """Wait at most `log_wait_seconds` for the log of an active run."""
        self._log_wait_seconds = log_wait_seconds
        self._store = store
        self._log = log
        self._followers = followers

    def check_room(self, caller: Caller) -> None:
        """Raise TooManyStreams or TooManyRequests where one more reader would be refused."""
        self._followers.check_room(caller.user_id, caller.address)

    def begin(self, caller: Caller, log: LogReader, may_go_on: MayGoOn) -> Subscription:
        """Read a run that was just begun, from its first event, without a greeting."""
        request = ReaderRequest(
            user_id=caller.user_id, address=caller.address, may_go_on=may_go_on, is_admitted=True
        )
        return self._followers.follow(log, request)

    def attach(
        self, caller: Caller, run: Run, cursor: EventId | None, may_go_on: MayGoOn
    ) -> Subscription:
        """Read a run after a cursor, or from its start; the greeting says what was recovered."""
        return self._attach(caller, self._open(caller, run), cursor, may_go_on)

    def resume(
        self, caller: Caller, run: Run, last_event_id: str | None, may_go_on: MayGoOn
    ) -> Subscription | None:
        """Read a run after the last event that a client saw; None: that was the terminal event."""
        if last_event_id is None:
            return self.attach(caller, run, None, may_go_on)
        cursor = EventId.parse(last_event_id) or EventId("", 0, 0)
        log = self._open(caller, run)
        if cursor.run_id == log.run_id and cursor.seq > log.top:
            self._log.refresh(log.run_id)  # the client has just read it on another worker
        if log.has_ended and log.knows(cursor) and cursor.seq == log.top:
            return None
        return self._attach(caller, log, cursor, may_go_on)

    def _attach(
        self, caller: Caller, log: LogReader, cursor: EventId | None, may_go_on: MayGoOn
    ) -> Subscription:
        greeting, after = _place(log, cursor)
        request = ReaderRequest(
            user_id=caller.user_id,
            address=caller.address,
            after=after,
            greeting=greeting,
            may_go_on=may_go_on,
        )
        return self._followers.follow(log, request)

    def run_to_attach(
        self, caller: Caller, session_id: str, last_event_id: str | None
    ) -> Run | None:
        """Choose the run that the id names, if it is of this session; else the newest run.

        Without an id, only an active run is chosen.
        """
        latest = self._store.latest(caller.user_id, session_id)
        if last_event_id is None:
            return latest if latest is not None and latest.is_active else None
        cursor = EventId.parse(last_event_id)
        if cursor is not None and (latest is None or cursor.run_id != latest.id):
            try:
                named = self._store.get(caller.user_id, cursor.run_id)
            except NotFound:
                return latest
            if named.session_id == session_id:
                return named
        return latest

    def _open(self, caller: Caller, run: Run) -> LogReader:
        """Open the log, or the text that the store has of an ended run.

        An active run without a log is about to be launched or settled, so wait for the log.
        """
        deadline = time.monotonic() + self._log_wait_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            log = self._log_of(run)
            if log is not None:
                return log
            if run.terminal is not None:
                return self._stored(caller, run, run.terminal)
            if self._log.is_degraded or time.monotonic() >= deadline:
                return self._so_far(caller, run)
            gevent.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            # If the run has ended meanwhile, the log had all of it before: ask the log first.
            run = self._store.get(caller.user_id, run.id)

    def _log_of(self, run: Run) -> LogReader | None:
        """Open the log; where the store knows the run's end and the log does not, tell the log."""
        log = self._log.reader(run.id)
        if log is not None and run.terminal is not None and not log.has_ended:
            self._log.conclude(run)
        return None if log is None or log.is_abandoned else log

    def _stored(self, caller: Caller, run: Run, terminal: Terminal) -> LogReader:
        text = self._store.text(caller.user_id, run.id)
        epoch, seq = run.terminal_epoch or run.epoch, run.terminal_seq or 0
        return StoredRun.of(EventId(run.id, epoch, seq), terminal, text)

    def _so_far(self, caller: Caller, run: Run) -> LogReader:
        """Read from its checkpoints an active run that cannot be followed now."""
        log = self._log.follow_from(run, self._store.progress(caller.user_id, run.id))
        if log is None:
            raise StoreUnavailable("The run is being recovered; try again.")
        return log


def _place(log: LogReader, cursor: EventId | None) -> tuple[Resume, int]:
    """Find where to read on; where that would leave a hole, greet with the whole text so far."""
    if cursor is None and log.is_whole:
        return Resume(run_id=log.run_id, recovered=True), 0
    if cursor is not None and log.knows(cursor):
        return Resume(run_id=log.run_id, recovered=True), cursor.seq
    after = log.top - 1 if log.has_ended else log.top
    return Resume(run_id=log.run_id, recovered=False, content=log.text()), after

"""Runs whose worker died: claimed, rebuilt from their checkpoints, settled."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import gevent
import structlog

from services.domain.errors.outages import StoreUnavailable
from services.domain.events import Content
from services.domain.runs import ClaimedRun, Settled
from services.runs.leases import claims
from services.stores.base.runs import RunStore
from services.streams.base import LogUnavailable, LogWriter, Remains, RunLog

_CLAIM_LIMIT = 20

_LOG_RETRY_SECONDS = 0.2

_log = structlog.get_logger(__name__)


class Reaper:
    """Settles the runs that dead workers left.

    A run ends as its worker told; else as stopped, if that was asked for; else as interrupted.

    The order is this: the claim raises the epoch in the store, the log is fenced, its text is read
    and stored, the end is told. So nothing that an old owner still writes can be seen after what
    was stored. The reaper waits for a log that is away, as the checkpoints may hold fewer words.
    """

    def __init__(
        self, store: RunStore, log: RunLog, worker_id: str, log_patience_seconds: float
    ) -> None:
        """Claim for this worker; wait at most `log_patience_seconds` for a log that is away."""
        self._store = store
        self._log = log
        self._log_patience_seconds = log_patience_seconds
        self._waiting_since: float | None = None
        self._unsettled: dict[str, ClaimedRun] = {}
        self.worker_id = worker_id

    def note(self, claim: ClaimedRun) -> None:
        """Have a run of this worker settled with the next `reap`."""
        self._unsettled[claim.run.id] = claim

    def reap(self, dead: Callable[[], Sequence[str]]) -> int:
        """Settle the runs of the workers that `dead` names; return how many runs that were.

        `dead` is called before every claim: a worker that was paused may be back. Runs that were
        claimed and not settled, because the store went away, come first the next time.
        """
        if self._waits_for_log():
            return 0
        reaped = self._settle_noted()
        while names := dead():
            claimed = self._store.claim_dead(self.worker_id, names, _CLAIM_LIMIT)
            if not claimed:
                self._store.forget_workers(names)
                break
            self._unsettled.update({claim.run.id: claim for claim in claimed})
            reaped += self._settle_noted()
        if reaped:
            _log.info("runs_reaped", count=reaped)
        return reaped

    def _settle_noted(self) -> int:
        settled = 0
        for run_id, claim in list(self._unsettled.items()):
            settled += self.settle(claim)
            self._unsettled.pop(run_id, None)
        return settled

    def _waits_for_log(self) -> bool:
        if not self._log.is_degraded:
            self._waiting_since = None
            return False
        now = time.monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        return now - self._waiting_since < self._log_patience_seconds

    def settle(self, claim: ClaimedRun) -> bool:
        """Settle a run that this worker owns and does not write; tell whether that succeeded.

        A run that cannot be settled must not keep the others from being settled, or the server from
        starting. Raises StoreUnavailable.
        """
        try:
            self._settle(claim)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever failed, it concerns this run only
            _log.exception("reap_crashed", run_id=claim.run.id)
            return False
        return True

    def _settle(self, claim: ClaimedRun) -> None:
        remains = self._remains(claim)
        writer = remains.writer if remains else None
        has_beaten = claim.top_seq > 0
        if remains is not None and writer is not None and _joined(writer, claim, remains):
            claim = replace(claim, text=writer.text(), top_seq=writer.top)
        settlement = claims.settlement_of(claim, remains, has_beaten=has_beaten)
        try:
            settled = self._store.settle_turn(settlement)
        except BaseException:
            if writer is not None:
                writer.abandon()  # the end may be stored all the same: readers come back and look
            raise
        if writer is None or remains is None or remains.terminal is not None:
            return
        if settled is Settled.NOW and settlement.terminal_seq == writer.top + 1:
            writer.append(settlement.terminal)
        else:
            writer.abandon()  # the log does not reach what the checkpoints held

    def _remains(self, claim: ClaimedRun) -> Remains | None:
        """Fence the log; None: there is none, or it stays away for too long.

        The time of waiting counts once for all runs together.
        """
        while True:
            try:
                remains = self._log.take_over(claim.run.id, claim.run.epoch)
            except LogUnavailable:
                self._waiting_since = self._waiting_since or time.monotonic()
                if time.monotonic() - self._waiting_since >= self._log_patience_seconds:
                    _log.warning("reaped_without_log", run_id=claim.run.id)
                    return None
                gevent.sleep(_LOG_RETRY_SECONDS)
            else:
                self._waiting_since = None
                return remains


def _joined(writer: LogWriter, claim: ClaimedRun, remains: Remains) -> bool:
    """Bring a log up to what the checkpoints hold; tell whether it has all of that then.

    A log is behind where Redis was slow or away in its owner's last moments.
    """
    if remains.terminal is not None or writer.top >= claim.top_seq:
        return True
    text = writer.text()
    if not claim.text.startswith(text):
        return False
    if len(claim.text) > len(text):
        writer.append(Content(claim.text[len(text) :]))
    return True

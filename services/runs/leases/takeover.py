"""What a worker does with the runs of dead workers."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import gevent
import structlog

from services.domain.errors.outages import StoreUnavailable
from services.domain.runs import ClaimedRun, Settled, Settlement
from services.runs.ending.outbox import Outbox
from services.runs.leases.reaper import Reaper
from services.runs.leases.shift import Shift
from services.stores.base.runs import RunStore
from services.telemetry.complaints import Complaint

RETRY_SECONDS = 1

_log = structlog.get_logger(__name__)


class Takeover:
    """Delivers the outbox first, then reaps: a run whose end was told keeps that end."""

    def __init__(
        self, store: RunStore, outbox: Outbox, reaper: Reaper, seconds: float = RETRY_SECONDS
    ) -> None:
        """Look for such runs every `seconds`."""
        self._store = store
        self._outbox = outbox
        self._reaper = reaper
        self._seconds = seconds
        self._postponed = Complaint("takeover_postponed", __name__)
        self.shift = Shift()

    def start(self) -> bool:
        """Take all other workers' runs, once, before any run begins here; False: spawn `finish`.

        Only for a process that knows that these workers are dead: it holds the lock of `DATA_DIR`.
        """
        self._outbox.discard_drafts()
        return self._try(self._all_others)

    def finish(self) -> None:
        """Try until `start` is done; until then nothing of the dead workers is touched."""
        while not self._try(self._all_others):
            gevent.sleep(self._seconds)

    def run(self, dead: Callable[[], Sequence[str]]) -> None:
        """Take, for ever, the runs of each worker that `dead` names and those given to `adopt`."""
        while True:
            with self.shift:
                try:
                    self._outbox.discard_drafts()
                    self._try(dead)
                except Exception:  # noqa: BLE001 - else dead workers' runs would never end
                    _log.exception("takeover_crashed")
            gevent.sleep(self._seconds)

    def adopt(self, claim: ClaimedRun) -> None:
        """Settle, in the next round, a run that this worker owns and does not write."""
        self._reaper.note(claim)

    def _all_others(self) -> Sequence[str]:
        return list(self._store.beat(self._reaper.worker_id, [], datetime.now(UTC)).others)

    def _try(self, dead: Callable[[], Sequence[str]]) -> bool:
        try:
            self._deliver()
            self._reaper.reap(dead)
        except StoreUnavailable as exc:
            self._postponed.raised(exc.reason)
            return False
        self._postponed.over()
        return True

    def _deliver(self) -> None:
        """Store what is in the outbox; raises StoreUnavailable, and the rest waits for next time.

        A settlement that the store refuses for another reason must not keep the server from
        starting.
        """
        for settlement in self._outbox:
            try:
                settled = self._store.settle_turn(settlement)
            except StoreUnavailable:
                raise
            except Exception as exc:  # noqa: BLE001 - whatever failed, it concerns this run only
                self._outbox.set_aside(settlement.run_id, exc)
            else:
                self._put_away(settlement, settled)

    def _put_away(self, settlement: Settlement, settled: Settled) -> None:
        """Delete what the store has; where it has another end, keep the file for a person."""
        run_id = settlement.run_id
        if settled is Settled.FENCED:
            stored = self._store.states([run_id]).get(run_id)
            if stored is not None and stored.terminal != settlement.terminal:
                self._outbox.set_aside(run_id, ValueError("The run was given another end."))
                return
        self._outbox.forget(run_id)
        _log.info("outbox_delivered", run_id=run_id, settled=str(settled))

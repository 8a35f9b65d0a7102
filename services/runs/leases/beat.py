"""The beat of a worker: it stores checkpoints, and brings stop requests, lost runs and counters."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import gevent
import structlog

from services.domain.errors.outages import StoreUnavailable
from services.domain.runs import ClaimedRun, RunBeat
from services.runs.leases.shift import Shift
from services.runs.leases.watch import WorkerWatch
from services.runs.living.run import Ending, Living
from services.runs.runner import Runner
from services.stores.base.runs import RunStore
from services.telemetry.complaints import Complaint

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatTimes:
    """Seconds between two beats, and until a run is settled that its worker does not write."""

    pace: Callable[[], float]
    unlisted_seconds: float


class Beat:
    """Calls the store every `times.pace()` seconds for all runs of the worker together.

    Where the text of a run is in memory only, the pace bounds how much of it a kill -9 can lose.
    """

    def __init__(
        self,
        store: RunStore,
        runner: Runner,
        worker_id: str,
        adopt: Callable[[ClaimedRun], object],
        watch: WorkerWatch,
        times: BeatTimes,
    ) -> None:
        """Take the runs to beat for; `run` must be spawned.

        `adopt` settles a run that this worker does not write; it must not delay the beat.
        """
        self._store = store
        self._runner = runner
        self._adopt_run = adopt
        self._watch = watch
        self._worker_id = worker_id
        self._times = times
        self._unlisted: dict[str, float] = {}
        self._failing = Complaint("beat_failed", __name__)
        self._failed_in_a_row = 0
        self.shift = Shift()

    @property
    def failure(self) -> str | None:
        """Tell why beats fail, one lost call aside; None: they do not."""
        return self._failing.reason if self._failed_in_a_row > 1 else None

    def run(self) -> None:
        """Beat for ever, at a steady pace."""
        while True:
            started = time.monotonic()
            with self.shift:
                try:
                    self.beat()
                except StoreUnavailable as exc:
                    self._failed_in_a_row += 1
                    self._failing.raised(exc.reason)
                except Exception:  # noqa: BLE001 - without beats a kill would lose text
                    _log.exception("beat_crashed")
                else:
                    self._failed_in_a_row = 0
                    self._failing.over()
            self._wait(started)

    def _wait(self, started: float) -> None:
        """Wait for the next beat; a pace that gets faster meanwhile takes effect at once."""
        while (left := started + self._times.pace() - time.monotonic()) > 0:
            gevent.sleep(min(left, 0.5))

    def beat(self) -> None:
        """Beat once; a failed beat loses nothing, as the next one carries its pieces too."""
        living = list(self._runner)
        beats = [_beat_of(run) for run in living]
        try:
            reply = self._store.beat(self._worker_id, beats, datetime.now(UTC))
        except BaseException:
            self._watch.missed()
            raise
        self._watch.saw(reply.others)
        for run in living:
            run.checkpoint.saved()
        for run_id in reply.stop:
            self._runner.end(run_id, Ending.STOPPED)
        for run_id in reply.lost:
            self._runner.end(run_id, Ending.LOST)
        self._adopt(reply.unlisted)

    def _adopt(self, unlisted: Sequence[ClaimedRun]) -> None:
        """Settle runs that this worker owns and does not write.

        They come from a begin whose reply was lost, or from a settle that failed for another reason
        than the store.
        """
        now = time.monotonic()
        seen = {claim.run.id: self._unlisted.get(claim.run.id, now) for claim in unlisted}
        self._unlisted = seen
        for claim in unlisted:
            run_id = claim.run.id
            if now - seen[run_id] >= self._times.unlisted_seconds and run_id not in self._runner:
                seen[run_id] = now
                self._adopt_run(claim)


def _beat_of(run: Living) -> RunBeat:
    return RunBeat(
        run_id=run.run_id,
        epoch=run.writer.epoch,
        piece=run.checkpoint.unsaved(),
        calls=tuple(run.calls.made),
    )

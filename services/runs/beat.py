"""The beat of a worker: checkpoints out, stop requests and lost runs in."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import gevent
import structlog

from services.domain.errors import StoreUnavailable
from services.domain.runs import Run, RunBeat
from services.runs.living import Ending, Living
from services.runs.reaper import Reaper
from services.runs.runner import Runner
from services.stores.base.runs import RunStore

_log = structlog.get_logger(__name__)


class Beat:
    """Calls the store every `seconds` for all runs of the worker together.

    The text of a run is in memory only, so `seconds` bounds what a kill -9 can lose of it.
    """

    def __init__(
        self,
        store: RunStore,
        runner: Runner,
        reaper: Reaper,
        seconds: float,
        unlisted_seconds: float,
    ) -> None:
        """Take what it beats for; `run` must be spawned."""
        self._store = store
        self._runner = runner
        self._reaper = reaper
        self._worker_id = reaper.worker_id
        self._seconds = seconds
        self._unlisted_seconds = unlisted_seconds
        self._unlisted: dict[str, float] = {}

    def run(self) -> None:
        """Beat for ever, at a steady pace."""
        while True:
            started = time.monotonic()
            try:
                self.beat()
            except StoreUnavailable:
                _log.warning("beat_failed")
            except Exception:  # noqa: BLE001 - without beats a kill would lose text, whatever failed
                _log.exception("beat_crashed")
            gevent.sleep(max(0.0, self._seconds - (time.monotonic() - started)))

    def beat(self) -> None:
        """Beat once; a failed beat loses nothing, the next one carries its pieces too."""
        living = list(self._runner)
        beats = [_beat_of(run) for run in living]
        reply = self._store.beat(self._worker_id, beats, datetime.now(UTC))
        for run, told in zip(living, beats, strict=True):
            if told.piece is not None:
                run.checkpointed = told.piece.seq
        for run_id in reply.stop:
            self._runner.end(run_id, Ending.STOPPED)
        for run_id in reply.lost:
            self._runner.end(run_id, Ending.LOST)
        self._adopt(reply.unlisted)

    def _adopt(self, unlisted: Sequence[Run]) -> None:
        """Settle runs that this worker owns and never launched: a begin whose reply was lost."""
        now = time.monotonic()
        seen = {run.id: self._unlisted.get(run.id, now) for run in unlisted}
        self._unlisted = seen
        for run in unlisted:
            if now - seen[run.id] >= self._unlisted_seconds and run.id not in self._runner:
                self._reaper.settle_unlaunched(run)


def _beat_of(run: Living) -> RunBeat:
    return RunBeat(
        run_id=run.run_id,
        epoch=run.writer.epoch,
        piece=run.writer.piece_after(run.checkpointed),
        attempt=run.number,
    )

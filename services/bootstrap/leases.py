"""What keeps the runs of a worker its own, and takes over those of the dead."""

from dataclasses import dataclass

from uuid_utils.compat import uuid7

from services.runs.ending.outbox import Outbox
from services.runs.leases.beat import Beat, BeatTimes
from services.runs.leases.reaper import Reaper
from services.runs.leases.takeover import Takeover
from services.runs.leases.watch import WorkerWatch
from services.runs.runner import Runner
from services.settings.whole import Settings
from services.stores.base.store import Store
from services.streams.base import RunLog
from services.worker.housekeeping import Housekeeping
from services.worker.services import Background

MEMORY_WORKER, REDIS_WORKER = "memory-", "redis-"
"""How the id of a worker begins: it tells the others whether it shares its streams."""

REAPER_LOG_PATIENCE_SECONDS = 10.0
"""How long the end of a dead worker's run waits for a Redis that is away: it has the last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What both requests and the background work with."""

    store: Store
    log: RunLog
    outbox: Outbox
    runner: Runner


def new_worker_id(settings: Settings) -> str:
    """Name a worker that begins."""
    return f"{REDIS_WORKER if settings.scaling.redis_url else MEMORY_WORKER}{uuid7()}"


def build_background(settings: Settings, shared: Shared, worker_id: str) -> Background:
    """Build what runs beside the requests."""
    runs, pace = shared.store.runs, settings.beat_seconds
    reaper = Reaper(runs, shared.log, worker_id, REAPER_LOG_PATIENCE_SECONDS)
    watch = WorkerWatch(settings.scaling.worker_dead_seconds, 2 * pace + 1)

    def beat_pace() -> float:
        """Give the pace; while Redis is away the text is in memory only."""
        return min(pace, 1.0) if shared.log.is_degraded else pace

    takeover = Takeover(runs, shared.outbox, reaper)
    # Embedded nothing else looks after them, and nothing of it can take long.
    adopt = reaper.settle if settings.scaling.is_embedded else takeover.adopt
    times = BeatTimes(pace=beat_pace, unlisted_seconds=settings.runs.unlisted_run_seconds)
    return Background(
        beat=Beat(runs, shared.runner, worker_id, adopt, watch, times),
        watch=watch,
        takeover=takeover,
        outbox=shared.outbox,
        housekeeping=Housekeeping(
            store=shared.store,
            log=shared.log,
            seconds=settings.runs.purge_seconds,
            key_seconds=settings.runs.idempotency_seconds,
        ),
    )

"""Builds what keeps a worker's runs its own, and what takes over the runs of dead workers."""

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
"""The prefixes of worker ids: they tell other workers whether this one shares its streams."""

REAPER_LOG_PATIENCE_SECONDS = 10.0
"""How long the end of a dead worker's run waits for a Redis that is away.

Redis may hold words that no checkpoint has.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The parts that requests and background work share."""

    store: Store
    log: RunLog
    outbox: Outbox
    runner: Runner


def new_worker_id(settings: Settings) -> str:
    """Make the id of a new worker."""
    return f"{REDIS_WORKER if settings.scaling.redis_url else MEMORY_WORKER}{uuid7()}"


def build_background(settings: Settings, shared: Shared, worker_id: str) -> Background:
    """Build what runs beside the requests."""
    runs, pace = shared.store.runs, settings.beat_seconds
    reaper = Reaper(runs, shared.log, worker_id, REAPER_LOG_PATIENCE_SECONDS)
    watch = WorkerWatch(settings.scaling.worker_dead_seconds, 2 * pace + 1)

    def beat_pace() -> float:
        """Give the pace: at most 1 s while Redis is away, as the text is in memory only."""
        return min(pace, 1.0) if shared.log.is_degraded else pace

    takeover = Takeover(runs, shared.outbox, reaper)
    # Embedded, nothing else looks after these runs, and settling them cannot take long.
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

"""The life of a worker: it gets on record, beats, and leaves in good order."""

import time
from collections.abc import Callable

import gevent
import structlog

from services.domain.errors.outages import StoreUnavailable
from services.runs.leases.lock import WORKER_LOCK, FolderLock
from services.runs.living.run import Ending
from services.streams.base import Nudge, NudgeKind
from services.worker.services import Background, Services

_log = structlog.get_logger(__name__)

_LAST_ROUND_SECONDS = 1.0
"""How long a worker that leaves waits for a beat and a takeover that are under way."""


def start(services: Services) -> None:
    """Become a worker: get on record, see to the runs that dead workers left, then beat.

    A worker that shares its streams with no other waits until the worker before it has drained.
    Loads what the first request needs, so that no request waits for imports.
    """
    scaling, background = services.settings.scaling, services.background
    if not scaling.shares_streams:
        lock = FolderLock(services.settings.server.data_dir, WORKER_LOCK)
        lock.acquire(gevent.sleep)
    services.log.start(lambda nudge: _hear(services, nudge))
    take_over = _embedded_takeover if scaling.is_embedded else _shared_takeover
    loops = [
        background.beat.run,
        services.followers.run,
        background.housekeeping.run,
        *take_over(background),
    ]
    for provider in services.answering.providers.values():
        provider.warm_up()
    background.greenlets.extend(gevent.spawn(loop) for loop in loops)


def _embedded_takeover(background: Background) -> list[Callable[[], None]]:
    """Take all other workers for dead: this worker holds the lock of the data folder."""
    takeover = background.takeover
    return [] if takeover.start() else [takeover.finish]


def _shared_takeover(background: Background) -> list[Callable[[], None]]:
    """Get on record, so that the others see this worker, and watch them from now on."""
    try:
        background.beat.beat()
    except StoreUnavailable as exc:
        _log.warning("started_without_store", reason=exc.reason)
    return [lambda: background.takeover.run(background.watch.dead)]


def _hear(services: Services, nudge: Nudge) -> None:
    """Do at once what the store would ask for with the next beat."""
    match nudge.kind:
        case NudgeKind.STOP:
            services.runner.end(nudge.id, Ending.STOPPED)
        case NudgeKind.LOST:
            services.runner.end(nudge.id, Ending.LOST)
        case NudgeKind.LOGIN_ENDED:
            services.store.logins.forget(nudge.id or None)
        case NudgeKind.STATUS:
            """Nothing is left to do: the log shows the status by itself."""


def end(services: Services) -> None:
    """Settle the runs that still live, leave the record of workers, and give everything back."""
    background = services.background
    services.drain.finish()
    deadline = time.monotonic() + _LAST_ROUND_SECONDS
    for shift in (background.beat.shift, background.takeover.shift):
        shift.end(deadline - time.monotonic())
    gevent.killall(background.greenlets)
    services.log.close()
    background.outbox.close()
    try:
        services.store.runs.forget_workers([services.worker_id])
    except StoreUnavailable as exc:
        _log.warning("left_on_record", worker_id=services.worker_id, reason=exc.reason)
    for provider in services.answering.providers.values():
        provider.close()
    services.identity.passwords.close()
    services.answering.queue.close()
    services.counters.close()
    services.store.close()

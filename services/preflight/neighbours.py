"""Checks the database, Redis, and which other workers use them."""

import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from uuid_utils.compat import uuid7

from services.bootstrap import stores
from services.bootstrap.leases import MEMORY_WORKER, REDIS_WORKER
from services.domain.errors.outages import StoreUnavailable
from services.preflight.refusal import CannotStart
from services.runs.leases.lock import take_server_lock
from services.settings.whole import Settings
from services.stores.base.store import Store
from services.stores.sqlite.file.migrations import SchemaTooNew
from services.stores.sqlite.file.reasons import damage_in
from services.stores.sqlite.store import FILE_NAME
from services.telemetry.output import say

_POLL_SECONDS = 0.25


_LOOKED_THROUGH_BYTES = 100 * 1024 * 1024
"""That takes a tenth of a second; `check` looks through larger files too."""

_MEMORY_BEATS_SECONDS = 3.0
"""A worker without Redis beats at least once a second."""


@contextmanager
def server_lock(settings: Settings) -> Generator[None, None, None]:
    """Hold `DATA_DIR` for the block where only one server may work on it, or raise DataDirTaken."""
    if settings.scaling.shares_streams:
        yield
        return
    lock = take_server_lock(settings.server.data_dir)
    try:
        yield
    finally:
        lock.release()


def prepare(settings: Settings) -> None:
    """Make or migrate the database, and check the Supabase project, Redis and other workers.

    A server starts although Supabase or Redis is away: both may come back. Raises CannotStart.
    """
    if settings.scaling.is_embedded:
        _check_file(settings.server.data_dir / FILE_NAME)
    try:
        with closing(stores.build(settings)) as store:
            store.ping()
            if not settings.scaling.is_embedded:
                _check_project(settings)
                _check_neighbours(settings, store)
    except SchemaTooNew as exc:
        raise CannotStart(str(exc)) from exc
    except StoreUnavailable as exc:
        if settings.scaling.is_embedded:
            raise CannotStart(f"{settings.server.data_dir / FILE_NAME}: {exc.reason}") from exc
        if exc.detail != exc.title:
            # An error with a detail of its own does not pass by itself.
            raise CannotStart(exc.detail) from exc
        say(f"Starting without the database. {exc.reason}")
    _check_redis(settings)


def _check_file(path: Path) -> None:
    """Refuse a damaged database before anything is written to it."""
    if damage := damage_in(path, _LOOKED_THROUGH_BYTES):
        raise CannotStart(f"{path}: {damage}")


def _check_project(settings: Settings) -> None:
    """Refuse a project that lacks a migration, and tell what else is wrong with it."""
    from services.stores.supabase.access.check import check  # noqa: PLC0415 - loaded on use

    scaling = settings.scaling
    for finding in check(scaling.supabase_url or "", scaling.supabase_key or ""):
        if finding.blocks:
            raise CannotStart(f"{finding.text} {finding.fix}")
        if not finding.is_ok:
            say(f"{finding.text} {finding.fix}")


def _check_redis(settings: Settings) -> None:
    if settings.scaling.redis_url is None:
        return
    from services.redis.check import (  # noqa: PLC0415 - loaded on use
        RedisUnavailable,
        RefusedRedis,
        check,
    )

    try:
        notes = check(settings.scaling.redis_url)
    except RefusedRedis as exc:
        raise CannotStart(f"REDIS_URL: {exc}") from exc
    except RedisUnavailable as exc:
        say(f"Redis is away ({exc}); starting without it.")
    else:
        for note in notes:
            say(f"REDIS_URL: {note}.")


def _check_neighbours(settings: Settings, store: Store) -> None:
    """Refuse to share a database with workers that cannot share their streams.

    A worker is alive where the counter of its beats moves; clocks are never compared.
    """
    alone = settings.scaling.redis_url is None
    probe = f"probe-{uuid7()}"

    def counters() -> dict[str, int]:
        others = store.runs.beat(probe, [], datetime.now(UTC)).others
        kinds = (MEMORY_WORKER, REDIS_WORKER) if alone else (MEMORY_WORKER,)
        return {worker: count for worker, count in others.items() if worker.startswith(kinds)}

    try:
        first = counters()
        slow = any(worker.startswith(REDIS_WORKER) for worker in first)
        seconds = settings.scaling.worker_dead_seconds if slow else _MEMORY_BEATS_SECONDS
        deadline = time.monotonic() + min(seconds, settings.scaling.worker_dead_seconds)
        if first:
            say("Another worker is on record: looking whether it lives ...")
        while first and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            if any(count != first.get(worker, count) for worker, count in counters().items()):
                raise CannotStart(_LIVING_NEIGHBOUR)
    finally:
        store.runs.forget_workers([probe])


_LIVING_NEIGHBOUR = (
    "Another server works on this Supabase project, and one of the two has no REDIS_URL: a reader "
    "may be on another worker than the answer. Set the same REDIS_URL for all of them, or stop "
    "the other one first."
)

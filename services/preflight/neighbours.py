"""Checks the database, Redis, and which other workers use them."""

import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from services.bootstrap import stores
from services.bootstrap.leases import MEMORY_WORKER, REDIS_WORKER
from services.domain.errors.outages import StoreUnavailable
from services.preflight.refusal import CannotStart
from services.runs.leases.lock import take_server_lock
from services.settings.whole import Settings
from services.stores.base.store import Store
from services.stores.sqlite.file.migrations import SchemaTooNew

_POLL_SECONDS = 0.25


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
    try:
        with closing(stores.build(settings)) as store:
            store.ping()
            if not settings.scaling.is_embedded:
                _check_project(settings)
                _check_neighbours(settings, store)
    except SchemaTooNew as exc:
        raise CannotStart(str(exc)) from exc
    except StoreUnavailable as exc:
        if settings.scaling.is_embedded or exc.detail != exc.title:
            # An error with a detail of its own does not pass by itself.
            raise CannotStart(exc.detail) from exc
        sys.stderr.write(f"Supabase does not answer; starting without it. {exc}\n")
    _check_redis(settings)


def _check_project(settings: Settings) -> None:
    """Refuse a project that lacks a migration, and tell what else is wrong with it."""
    from services.stores.supabase.access.check import check  # noqa: PLC0415 - loaded on use

    scaling = settings.scaling
    for finding in check(scaling.supabase_url or "", scaling.supabase_key or ""):
        if finding.blocks:
            raise CannotStart(f"{finding.text} {finding.fix}")
        if not finding.is_ok:
            sys.stderr.write(f"{finding.text} {finding.fix}\n")


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
        sys.stderr.write(f"Redis is away ({exc}); starting without it.\n")
    else:
        sys.stderr.writelines(f"REDIS_URL: {note}.\n" for note in notes)


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
            sys.stderr.write("Another worker is on record: looking whether it lives ...\n")
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

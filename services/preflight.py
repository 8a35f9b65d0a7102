"""What is checked before a server starts: settings, address, database, Redis, and neighbours.

python -m services.preflight PID SIGNAL: what a running server asks before it reloads
"""

import os
import socket
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from services.bootstrap import MEMORY_WORKER, REDIS_WORKER, open_store
from services.configuration.providers import ProviderSettings
from services.configuration.server import ServerSettings
from services.domain.errors import StoreUnavailable
from services.runs.lock import take_server_lock
from services.settings import InvalidSettings, Mistakes, Settings, variables
from services.stores.base.store import Store
from services.stores.sqlite.migrations import SchemaTooNew
from services.streams.base import LogUnavailable
from services.telemetry import logs
from services.telemetry.metrics import Metrics
from services.upstreams import build_offers, build_providers

_POLL_SECONDS = 0.25
_MEMORY_BEATS_SECONDS = 3.0
"""A worker without Redis beats at least once a second."""


class CannotStart(Exception):
    """What is there cannot be worked with; the message says what to do."""


def load_settings() -> Settings:
    """Read all settings, log as they say, and check the names of models in them.

    Raises InvalidSettings that tells every mistake.
    """
    try:
        settings = Settings.load()
    except InvalidSettings as exc:
        raise InvalidSettings({**exc.mistakes, **_wrong_names(exc)}) from exc
    _configure_logs(settings)
    _check_names(settings)
    return settings


def _wrong_names(known: InvalidSettings) -> Mistakes:
    """Look at the names too, unless another mistake is what makes them wrong."""
    settings = known.settings
    declared = variables([ProviderSettings])
    providers = {name for variable in declared for name in (variable.name, variable.also)}
    if settings is None or providers & known.mistakes.keys():
        return {}
    _configure_logs(settings)
    try:
        _check_names(settings)
    except InvalidSettings as exc:
        return dict(exc.mistakes)
    return {}


def _configure_logs(settings: Settings) -> None:
    logs.configure(settings.logs.level, settings.logs.format or "json")


def _check_names(settings: Settings) -> None:
    """Raise InvalidSettings for names of models that nobody offers.

    A local server is asked for its models only where that may make a name right.
    """
    try:
        build_offers(settings, build_providers(settings, Metrics(), asks_local=False))
    except InvalidSettings:
        if not settings.providers.local_base_url:
            raise
        build_offers(settings, build_providers(settings, Metrics()))


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
    """Make or migrate the database, and look at the project, Redis and the neighbours.

    A Supabase or Redis that is away keeps nobody from starting: both may come back. Raises
    CannotStart.
    """
    try:
        with closing(open_store(settings)) as store:
            store.ping()
            if not settings.scaling.is_embedded:
                _check_project(settings)
                _check_neighbours(settings, store)
    except SchemaTooNew as exc:
        raise CannotStart(str(exc)) from exc
    except StoreUnavailable as exc:
        if settings.scaling.is_embedded or exc.detail != exc.title:
            # A reason of its own is one that does not pass by itself.
            raise CannotStart(exc.detail) from exc
        sys.stderr.write(f"Supabase does not answer; starting without it. {exc}\n")
    _check_redis(settings)


def _check_project(settings: Settings) -> None:
    """Refuse a project without all migrations, and tell what else is not as it should be."""
    from services.stores.supabase.check import check  # noqa: PLC0415 - loaded on use

    scaling = settings.scaling
    for finding in check(scaling.supabase_url or "", scaling.supabase_key or ""):
        if finding.blocks:
            raise CannotStart(f"{finding.text} {finding.fix}")
        if not finding.is_ok:
            sys.stderr.write(f"{finding.text} {finding.fix}\n")


def _check_redis(settings: Settings) -> None:
    if settings.scaling.redis_url is None:
        return
    from services.streams.redis.link import RefusedRedis, check  # noqa: PLC0415 - loaded on use

    try:
        check(settings.scaling.redis_url)
    except RefusedRedis as exc:
        raise CannotStart(f"REDIS_URL: {exc}") from exc
    except LogUnavailable:
        sys.stderr.write("Redis does not answer; starting without it.\n")


def _check_neighbours(settings: Settings, store: Store) -> None:
    """Refuse to share a database with workers that cannot share their streams.

    Who is alive is told by the counters of their beats, never by a clock.
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


def check_address(server: ServerSettings) -> None:
    """Raise CannotStart where nothing can listen on the address, before gunicorn tries for long."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            server.host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as exc:
        raise CannotStart(
            f"{server.address} cannot be listened on ({exc.strerror}): set PORT or HOST."
        ) from exc


def main(asker: int, number: int) -> None:
    """Check all settings; signal the server that asked before a reload that they are right."""
    try:
        load_settings()
    except InvalidSettings as exc:
        sys.exit(f"Not reloaded.\n{exc}")
    if os.getppid() == asker:
        os.kill(asker, number)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""The one place that picks adapters: settings in, services out."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import gevent
import structlog
from uuid_utils.compat import uuid7

from services.configuration.server import ServerSettings
from services.domain.catalog import ModelChoice, Offers
from services.domain.errors import ModelNotAvailable, StoreUnavailable
from services.identity.accounts import Accounts
from services.identity.logins import Logins, LoginTimes
from services.identity.passwords import Passwords
from services.providers import registry
from services.providers.base import Provider
from services.providers.config import ProviderConfig, Timeouts
from services.runs.beat import Beat
from services.runs.drain import Drain
from services.runs.housekeeping import Housekeeping
from services.runs.lock import WORKER_LOCK, FolderLock
from services.runs.outbox import FOLDER as OUTBOX_FOLDER
from services.runs.outbox import Outbox
from services.runs.pump import Pump, RetryRules
from services.runs.reaper import Reaper
from services.runs.runner import Runner
from services.runs.settler import Settler
from services.runs.takeover import Takeover
from services.settings import InvalidSettings, Settings
from services.stores.base.store import Store
from services.stores.sqlite.migrations import SchemaTooNew
from services.stores.sqlite.store import SqliteStore
from services.streams.follow import Followers, ReaderCaps
from services.streams.memory import MemoryRunLog
from services.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)


class CannotStart(Exception):
    """What is there cannot be worked with; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What runs beside the requests."""

    beat: Beat
    takeover: Takeover
    housekeeping: Housekeeping
    greenlets: list["gevent.Greenlet[..., None]"] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that use cases are made of."""

    settings: Settings
    store: Store
    log: MemoryRunLog
    followers: Followers
    providers: Mapping[str, Provider]
    offers: Offers
    runner: Runner
    drain: Drain
    accounts: Accounts
    logins: Logins
    passwords: Passwords
    metrics: Metrics
    worker_id: str
    background: Background

    def start(self) -> None:
        """Become the worker of `DATA_DIR`: settle what a dead one left, then beat.

        Waits for the worker before this one, where it still drains. Loads what the first request
        needs, so that nobody waits for imports.
        """
        lock = FolderLock(self.settings.server.data_dir, WORKER_LOCK)
        lock.acquire(gevent.sleep)
        is_taken_over = self.background.takeover.start()
        for provider in self.providers.values():
            provider.warm_up()
        loops: list[Callable[[], None]] = [
            self.background.beat.run,
            self.followers.run,
            self.background.housekeeping.run,
        ]
        if not is_taken_over:
            loops.append(self.background.takeover.run)
        self.background.greenlets.extend(gevent.spawn(loop) for loop in loops)

    def banner(self) -> str:
        """Say where the server is, who answers, and what is missing for more."""
        server, default = self.settings.server, self.offers.default
        lines = [
            f"Charla answers at http://{server.address}",
            f"  mode      embedded ({server.app_env}), everything is kept in {server.data_dir}",
            f"  providers {', '.join(self.providers)}; default {default.provider}/{default.name}",
        ]
        if default.provider == "scripted":
            lines.append(
                "  for real answers set OPENAI_API_KEY (or what .env.example names) and restart"
            )
        return "\n".join([*lines, ""])

    def close(self) -> None:
        """Settle what still runs and give everything back."""
        self.drain.finish()
        gevent.killall(self.background.greenlets)
        for provider in self.providers.values():
            provider.close()
        self.passwords.close()
        self.store.close()


def prepare(settings: Settings) -> None:
    """Make or migrate the database and check what only the adapters know.

    Raises InvalidSettings, or CannotStart.
    """
    try:
        SqliteStore.open(settings.server.data_dir).close()
    except (SchemaTooNew, StoreUnavailable) as exc:
        raise CannotStart(str(exc)) from exc
    _offers(settings, _providers(settings, Metrics()))


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


def build_services(settings: Settings) -> Services:
    """Build the embedded mode: SQLite, logs in memory, one process."""
    worker_id = str(uuid7())
    metrics = Metrics()
    store = SqliteStore.open(settings.server.data_dir)
    outbox = Outbox(settings.server.data_dir / OUTBOX_FOLDER)
    providers = _providers(settings, metrics)
    runner = Runner(
        Pump(providers, _retry_rules(settings)),
        Settler(store.runs, outbox, settings.runs.settle_retry_seconds),
        metrics,
    )
    log = MemoryRunLog(settings.runs.log_keep_seconds, settings.runs.log_max_bytes)
    passwords = Passwords(settings.accounts.password_hash_memory_kib)
    reaper = Reaper(store.runs, worker_id)
    return Services(
        settings=settings,
        store=store,
        log=log,
        followers=Followers(_caps(settings), settings.runs.ping_seconds, metrics),
        providers=providers,
        offers=_offers(settings, providers),
        runner=runner,
        drain=Drain(runner, settings.server.graceful_timeout),
        accounts=Accounts(store.users, passwords),
        logins=Logins(store.logins, _login_times(settings)),
        passwords=passwords,
        metrics=metrics,
        worker_id=worker_id,
        background=Background(
            beat=_beat(settings, store, runner, reaper),
            takeover=Takeover(store.runs, outbox, reaper),
            housekeeping=_housekeeping(settings, store, log),
        ),
    )


def _beat(settings: Settings, store: Store, runner: Runner, reaper: Reaper) -> Beat:
    runs = settings.runs
    return Beat(store.runs, runner, reaper, settings.beat_seconds, runs.unlisted_run_seconds)


def _housekeeping(settings: Settings, store: Store, log: MemoryRunLog) -> Housekeeping:
    return Housekeeping(
        store=store,
        log=log,
        seconds=settings.runs.purge_seconds,
        key_seconds=settings.runs.idempotency_seconds,
    )


def _providers(settings: Settings, metrics: Metrics) -> dict[str, Provider]:
    """Build what is configured, in order of preference; `scripted` is always there, and last."""
    given = settings.providers
    timeouts = Timeouts(
        connect_seconds=given.connect_timeout_seconds, read_seconds=given.read_timeout_seconds
    )
    configs = []
    if given.openai_api_key or given.openai_base_url:
        openai = ProviderConfig(
            kind="openai",
            name="openai",
            api_key=given.openai_api_key or "",
            base_url=given.openai_base_url,
            timeouts=timeouts,
        )
        configs.append(openai)
    if given.local_base_url:
        local = ProviderConfig(
            kind="local", name="local", base_url=given.local_base_url, timeouts=timeouts
        )
        configs.append(local)
    configs.append(ProviderConfig(kind="scripted", name="scripted"))
    return {
        config.name: registry.build(
            replace(config, on_ignored=partial(metrics.upstream_ignored, config.name))
        )
        for config in configs
    }


def _offers(settings: Settings, providers: Mapping[str, Provider]) -> Offers:
    given = settings.providers
    models = [model for provider in providers.values() for model in provider.models]
    name = given.default_provider or next(iter(providers))
    first = next(model for model in models if model.provider == name)
    offers = Offers(models, first, name)
    try:
        default = offers.pick(ModelChoice(name, given.default_model))
    except ModelNotAvailable as exc:
        raise InvalidSettings({"DEFAULT_MODEL": [exc.detail]}) from exc
    return Offers(models, default, name)


def _retry_rules(settings: Settings) -> RetryRules:
    given = settings.providers
    return RetryRules(
        retries=given.retries,
        min_seconds=given.retry_min_seconds,
        max_seconds=given.retry_max_seconds,
        retry_after_max=given.retry_after_max_seconds,
    )


def _caps(settings: Settings) -> ReaderCaps:
    limits = settings.limits
    return ReaderCaps(
        streams=limits.max_streams,
        per_run=limits.max_readers_per_run,
        per_user=limits.max_readers_per_user if limits.enabled else None,
    )


def _login_times(settings: Settings) -> LoginTimes:
    accounts = settings.accounts
    return LoginTimes(
        lifetime=timedelta(seconds=accounts.refresh_token_seconds),
        grace=timedelta(seconds=accounts.refresh_grace_seconds),
    )

"""The one place that picks adapters: settings in, services out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from services.admission.breakers.base import BreakerRules, Breakers
from services.admission.breakers.local import LocalBreakers
from services.admission.quotas.base import Quota, Quotas
from services.admission.quotas.local import LocalQuotas
from services.admission.waiting.burst_queue import BurstQueue
from services.admission.waiting.times import QueueTimes
from services.admission.windows.local import LocalWindows
from services.bootstrap.providers import build_offers, build_providers, failover_chain
from services.domain.catalog import Offers, Strategy
from services.domain.limits import Windows
from services.identity.accounts import Accounts
from services.identity.logins import Logins, LoginTimes
from services.identity.passwords import Passwords
from services.identity.supabase_tokens import SupabaseRules, SupabaseTokens
from services.runs.asking.attempts import Attempts
from services.runs.asking.first_tokens import FirstTokens
from services.runs.asking.gate import Gate
from services.runs.asking.pump import Pump
from services.runs.asking.retries import RetryRules
from services.runs.asking.routing import Router, RoutingRules
from services.runs.drain import Drain
from services.runs.ending.outbox import FOLDER as OUTBOX_FOLDER
from services.runs.ending.outbox import Outbox
from services.runs.ending.settler import Settler
from services.runs.leases.beat import Beat, BeatTimes
from services.runs.leases.reaper import Reaper
from services.runs.leases.takeover import Takeover
from services.runs.leases.watch import WorkerWatch
from services.runs.runner import Runner
from services.settings.load import figures_slot
from services.settings.whole import Settings
from services.stores.base.store import Store
from services.stores.sqlite.store import SqliteStore
from services.streams.base import Nudge, NudgeKind, RunLog
from services.streams.follow import Followers, ReaderCaps
from services.streams.memory import MemoryRunLog
from services.telemetry.metrics import Metrics
from services.worker.housekeeping import Housekeeping
from services.worker.services import Background, Services, Traffic

if TYPE_CHECKING:
    from services.redis.worker_redis import WorkerRedis

MEMORY_WORKER, REDIS_WORKER = "memory-", "redis-"
"""How the id of a worker begins: it tells the others whether it shares its streams."""

REAPER_LOG_PATIENCE_SECONDS = 10.0
"""How long the end of a dead worker's run waits for a Redis that is away: it has the last words."""


def build_services(settings: Settings) -> Services:
    """Build a worker of one of the three combinations."""
    worker_id = f"{REDIS_WORKER if settings.scaling.redis_url else MEMORY_WORKER}{uuid7()}"
    metrics = Metrics(figures_slot())
    store = open_store(settings)
    redis = _redis_of(settings, metrics)
    log = _log_of(settings, store, metrics, redis)
    providers = build_providers(settings, metrics)
    offers = build_offers(settings, providers)
    counters = _counters(settings, metrics, redis)
    traffic = _traffic(settings, offers, counters, metrics)
    outbox = Outbox(settings.server.data_dir / OUTBOX_FOLDER)
    runner = Runner(
        Pump(Attempts(providers, traffic.gate), _retry_rules(settings)),
        Settler(store.runs, outbox, settings.runs.settle_retry_seconds),
        metrics,
    )
    followers = Followers(_caps(settings), settings.runs.ping_seconds, metrics)
    passwords = Passwords(settings.accounts.password_hash_memory_kib)
    return Services(
        settings=settings,
        store=store,
        log=log,
        followers=followers,
        providers=providers,
        offers=offers,
        traffic=traffic,
        runner=runner,
        drain=Drain(runner, log, followers, settings.server.graceful_timeout),
        accounts=Accounts(store.users, passwords),
        logins=Logins(store.logins, _login_times(settings), tell=_tell_of_login(log)),
        passwords=passwords,
        supabase_tokens=_supabase_tokens(settings, store, metrics),
        windows=counters.windows,
        metrics=metrics,
        worker_id=worker_id,
        background=_background(settings, Shared(store, log, outbox, runner), worker_id),
    )


def open_store(settings: Settings) -> Store:
    """Open the database: SQLite in `DATA_DIR`, or the Supabase project."""
    scaling = settings.scaling
    if scaling.supabase_url is None or scaling.supabase_key is None:
        return SqliteStore.open(settings.server.data_dir)
    from services.stores.supabase.access.connection import Limits  # noqa: PLC0415 - 2 s, loaded on use
    from services.stores.supabase.store import SupabaseStore  # noqa: PLC0415 - the same

    accounts = settings.accounts
    return SupabaseStore(
        scaling.supabase_url,
        scaling.supabase_key,
        Limits(
            connections=scaling.supabase_connections,
            reserved_timeout_seconds=_beat_patience(settings),
        ),
        revocation_window_seconds=accounts.access_token_seconds + accounts.jwt_leeway_seconds,
    )


def _beat_patience(settings: Settings) -> float:
    """Give how long a beat waits: two more fit in before the worker is taken for dead."""
    left = settings.scaling.worker_dead_seconds - settings.beat_seconds
    return max(1.0, min(15.0, left / 3))


def _redis_of(settings: Settings, metrics: Metrics) -> "WorkerRedis | None":
    """Give what streams and limits share: the connections to Redis, and whether it is away."""
    scaling = settings.scaling
    if scaling.redis_url is None:
        return None
    from services.redis.report import reporter  # noqa: PLC0415 - loaded on use
    from services.redis.worker_redis import WorkerRedis  # noqa: PLC0415 - the same

    return WorkerRedis(scaling.redis_url, scaling.flush_timeout_seconds, reporter(metrics))


def _log_of(
    settings: Settings, store: Store, metrics: Metrics, redis: "WorkerRedis | None"
) -> RunLog:
    scaling = settings.scaling
    local = MemoryRunLog(settings.runs.log_keep_seconds, settings.runs.log_max_bytes)
    if redis is None:
        return local
    from services.streams.redis.link import RedisLink  # noqa: PLC0415 - loaded on use
    from services.streams.redis.log import RedisRunLog, RedisTimes  # noqa: PLC0415 - the same

    times = RedisTimes(
        pace=scaling.flush_seconds,
        patience=scaling.flush_timeout_seconds,
        idle=scaling.idle_check_seconds,
    )
    link = RedisLink(
        redis,
        log_seconds=settings.runs.run_timeout_seconds + settings.runs.log_keep_seconds,
        keep_seconds=settings.runs.log_keep_seconds,
    )
    return RedisRunLog(link, local, store.runs, times, metrics)


def _tell_of_login(log: RunLog) -> Callable[[str], None]:
    """Give what hurries other workers to see that a login ended; an empty id: look at all."""
    return lambda login_id: log.send(Nudge(NudgeKind.LOGIN_ENDED, login_id))


@dataclass(frozen=True, slots=True)
class Shared:
    """What both requests and the background work with."""

    store: Store
    log: RunLog
    outbox: Outbox
    runner: Runner


def _background(settings: Settings, shared: Shared, worker_id: str) -> Background:
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
        housekeeping=_housekeeping(settings, shared.store, shared.log),
    )


def _housekeeping(settings: Settings, store: Store, log: RunLog) -> Housekeeping:
    return Housekeeping(
        store=store,
        log=log,
        seconds=settings.runs.purge_seconds,
        key_seconds=settings.runs.idempotency_seconds,
    )


@dataclass(frozen=True, slots=True)
class Counters:
    """What is counted, in this process or over all workers."""

    windows: Windows
    quotas: Quotas
    breakers: Breakers


def _traffic(settings: Settings, offers: Offers, counters: Counters, metrics: Metrics) -> Traffic:
    """Build what chooses among the models, and what lets calls out."""
    routing, breakers, quotas = settings.routing, counters.breakers, counters.quotas
    queue = BurstQueue(
        quotas,
        routing.queue_size,
        on_wait=metrics.queue_waited,
        on_waiting=metrics.queue_waiting,
        times=QueueTimes(window=routing.window_seconds),
    )
    first_tokens = FirstTokens()
    rules = RoutingRules(
        strategy=Strategy(routing.default_strategy),
        failover=failover_chain(settings, offers),
        hedge_seconds=routing.hedge_seconds,
    )
    return Traffic(
        router=Router(offers, rules, breakers, first_tokens),
        gate=Gate(breakers, queue, quotas, first_tokens),
        breakers=breakers,
        quotas=quotas,
        queue=queue,
    )


def _counters(settings: Settings, metrics: Metrics, redis: "WorkerRedis | None") -> Counters:
    """Count where all workers do."""
    routing = settings.routing
    rules = BreakerRules(failures=routing.breaker_failures, open_seconds=routing.breaker_seconds)
    limits, window = _limits_of_providers(settings), routing.window_seconds
    if redis is None:
        return Counters(LocalWindows(), LocalQuotas(limits, window), LocalBreakers(rules))
    from services.admission.breakers.shared import SharedBreakers  # noqa: PLC0415 - loaded on use
    from services.admission.quotas.shared import SharedQuotas  # noqa: PLC0415 - the same
    from services.admission.shared_link import SharedLink  # noqa: PLC0415 - the same
    from services.admission.windows.shared import SharedWindows  # noqa: PLC0415 - the same

    link = SharedLink(
        redis, settings.scaling.workers, lambda apart: metrics.limits_counted_apart(apart=apart)
    )
    return Counters(
        SharedWindows(link), SharedQuotas(link, limits, window), SharedBreakers(link, rules)
    )


def _limits_of_providers(settings: Settings) -> Mapping[str, Quota]:
    routing = settings.routing
    limits = {
        "gemini": Quota(routing.gemini_rpm or None, routing.gemini_tpm or None),
        "openai": Quota(routing.openai_rpm or None, routing.openai_tpm or None),
        "anthropic": Quota(routing.anthropic_rpm or None, routing.anthropic_tpm or None),
        "local": Quota(routing.local_rpm or None, routing.local_tpm or None),
    }
    if not settings.limits.enabled:
        return {}
    return {name: quota for name, quota in limits.items() if quota != Quota()}


def _retry_rules(settings: Settings) -> RetryRules:
    given = settings.providers
    return RetryRules(
        retries=given.retries,
        min_seconds=given.retry_min_seconds,
        max_seconds=given.retry_max_seconds,
        retry_after_max=given.retry_after_max_seconds,
    )


def _supabase_tokens(settings: Settings, store: Store, metrics: Metrics) -> SupabaseTokens | None:
    scaling = settings.scaling
    if scaling.supabase_url is None:
        return None
    rules = SupabaseRules(
        url=scaling.supabase_url.rstrip("/"),
        secret=scaling.supabase_jwt_secret,
        leeway_seconds=settings.accounts.jwt_leeway_seconds,
    )
    return SupabaseTokens.of(
        rules, store.users.tenant_id, lambda ok: metrics.supabase_keys_read(ok=ok)
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

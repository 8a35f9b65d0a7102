"""The run log and its readers."""

from typing import TYPE_CHECKING

from services.settings.whole import Settings
from services.stores.base.runs import RunStore
from services.streams.base import RunLog
from services.streams.follow import Followers
from services.streams.memory import MemoryRunLog
from services.streams.places import ReaderCaps
from services.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from services.redis.worker_redis import WorkerRedis


def build(
    settings: Settings, store: RunStore, metrics: Metrics, redis: "WorkerRedis | None"
) -> RunLog:
    """Build the log: in memory, or shared over Redis."""
    scaling, runs = settings.scaling, settings.runs
    local = MemoryRunLog(runs.log_keep_seconds, runs.log_max_bytes)
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
        log_seconds=runs.run_timeout_seconds + runs.log_keep_seconds,
        keep_seconds=runs.log_keep_seconds,
    )
    return RedisRunLog(link, local, store, times, metrics)


def build_followers(settings: Settings, metrics: Metrics) -> Followers:
    """Build what admits readers and sends them pings."""
    limits = settings.limits
    caps = ReaderCaps(
        streams=limits.max_streams,
        per_run=limits.max_readers_per_run,
        per_user=limits.max_readers_per_user if limits.enabled else None,
        network_share=settings.network_share,
    )
    return Followers(caps, settings.runs.ping_seconds, metrics)

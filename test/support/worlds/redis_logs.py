"""Run logs over a real Redis, in the test's own process."""

from typing import Any

from services.redis.worker_redis import WorkerRedis
from services.stores.base.runs import RunStore
from services.streams.memory import MemoryRunLog
from services.streams.redis.link import RedisLink
from services.streams.redis.log import RedisRunLog, RedisTimes
from services.telemetry.metrics import Metrics


def redis_log(
    redis: WorkerRedis, runs: RunStore, metrics: Metrics | None = None, **times: Any
) -> RedisRunLog:
    """Make the log of one worker; its times are short, so that tests are."""
    link = RedisLink(redis, log_seconds=600, keep_seconds=60)
    chosen = RedisTimes(
        pace=times.get("pace", 0.001),
        patience=times.get("patience", 0.25),
        idle=times.get("idle", 1.0),
    )
    return RedisRunLog(link, MemoryRunLog(900, 1 << 24), runs, chosen, metrics or Metrics())

"""The one Redis of a worker, if it is configured: streams and limits share it."""

from typing import TYPE_CHECKING

from services.settings.whole import Settings
from services.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from services.redis.worker_redis import WorkerRedis


def build(settings: Settings, metrics: Metrics) -> "WorkerRedis | None":
    """Build the connections to Redis, which know whether it is away; None: it is not configured."""
    scaling = settings.scaling
    if scaling.redis_url is None:
        return None
    from services.redis.report import reporter  # noqa: PLC0415 - loaded on use
    from services.redis.worker_redis import WorkerRedis  # noqa: PLC0415 - the same

    return WorkerRedis(scaling.redis_url, scaling.flush_timeout_seconds, reporter(metrics))

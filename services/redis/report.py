"""How an operator hears that Redis is away."""

from collections.abc import Callable

import structlog

from services.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)


def reporter(metrics: Metrics) -> Callable[[str | None], None]:
    """Give the `on_change` of a WorkerRedis that sets the metric and writes a line to the log."""

    def report(reason: str | None) -> None:
        metrics.redis_away(away=reason is not None)
        if reason is None:
            _log.info("redis_back")
        else:
            _log.warning("redis_away", reason=reason)

    return report

"""What is counted before a call is made: limits of callers, quotas and breakers of providers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from limits import parse_many

from services.admission.breakers.base import BreakerRules
from services.admission.breakers.local import LocalBreakers
from services.admission.counters import Counters
from services.admission.quotas.base import Quota
from services.admission.quotas.local import LocalQuotas
from services.admission.waiting.burst_queue import BurstQueue
from services.admission.waiting.times import QueueTimes
from services.admission.windows.local import LocalWindows
from services.admission.windows.turn_limit import TurnLimit
from services.admission.windows.write_limit import WriteLimit
from services.domain.limits import Limit, Windows
from services.settings.whole import Settings
from services.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from services.redis.worker_redis import WorkerRedis


def build(settings: Settings, metrics: Metrics, redis: "WorkerRedis | None") -> Counters:
    """Count in this process, or in Redis together with all workers."""
    routing = settings.routing
    rules = BreakerRules(failures=routing.breaker_failures, open_seconds=routing.breaker_seconds)
    quotas, window = _quotas(settings), routing.window_seconds
    if redis is None:
        return Counters(LocalWindows(), LocalQuotas(quotas, window), LocalBreakers(rules))
    from services.admission.breakers.shared import SharedBreakers  # noqa: PLC0415 - loaded on use
    from services.admission.quotas.shared import SharedQuotas  # noqa: PLC0415 - the same
    from services.admission.shared_link import SharedLink  # noqa: PLC0415 - the same
    from services.admission.windows.shared import SharedWindows  # noqa: PLC0415 - the same

    link = SharedLink(
        redis, settings.scaling.workers, lambda apart: metrics.limits_counted_apart(apart=apart)
    )
    return Counters(
        SharedWindows(link), SharedQuotas(link, quotas, window), SharedBreakers(link, rules)
    )


def build_queue(settings: Settings, counters: Counters, metrics: Metrics) -> BurstQueue:
    """Build the queue in which calls wait for room at their provider."""
    routing = settings.routing
    return BurstQueue(
        counters.quotas,
        routing.queue_size,
        on_wait=metrics.queue_waited,
        on_waiting=metrics.queue_waiting,
        times=QueueTimes(window=routing.window_seconds),
    )


def build_turn_limit(settings: Settings, windows: Windows) -> TurnLimit:
    """Build the limit of messages that each user may send."""
    return TurnLimit(windows, _limits(settings, settings.limits.ai))


def build_write_limit(settings: Settings, windows: Windows) -> WriteLimit:
    """Build the limit of what each user may write beside messages."""
    return WriteLimit(windows, _limits(settings, settings.storage.writes))


def _limits(settings: Settings, notation: str) -> Sequence[Limit]:
    return parsed(notation) if settings.limits.enabled else ()


def parsed(notation: str) -> Sequence[Limit]:
    """Read limits as the settings write them."""
    return [Limit(str(one), one.amount, one.get_expiry()) for one in parse_many(notation)]


def _quotas(settings: Settings) -> Mapping[str, Quota]:
    if not settings.limits.enabled:
        return {}
    given = settings.routing.limits.items()
    quotas = {name: Quota(each.rpm or None, each.tpm or None) for name, each in given}
    return {name: quota for name, quota in quotas.items() if quota != Quota()}

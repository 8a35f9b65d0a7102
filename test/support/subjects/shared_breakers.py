"""Circuit breakers that several workers share, and what tests do with them."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from stack.redis_server import RedisServer
from worlds.patience import eventually

from services.admission.breakers.base import BreakerRules, Breakers, BreakerState, Verdict
from services.admission.breakers.shared import SharedBreakers
from services.admission.shared_link import SharedTimes

CALL, PROBE, REFUSED = Verdict.CALL, Verdict.PROBE, Verdict.REFUSED
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
MODEL = ("p", "m")
RULES = BreakerRules(failures=3, open_seconds=0.3, probe_seconds=60)
PATIENT = BreakerRules(failures=3, open_seconds=60)
TIMES = SharedTimes(answer=0.25, retry=0.05)

MakeBreakers = Callable[..., SharedBreakers]
MakeRedis = Callable[..., RedisServer]


def fail(breakers: Breakers, times: int = 1) -> None:
    """Make calls that fail."""
    for _ in range(times):
        assert breakers.admit(*MODEL) is CALL
        breakers.failed(*MODEL)


def rest(breakers: Breakers) -> None:
    """Wait until a probe is due."""
    eventually(lambda: breakers.state(*MODEL) is HALF_OPEN)


def scripts(server: RedisServer) -> int:
    """Count the scripts that the server has run."""
    with closing(server.client()) as client:
        stats: Any = client.info("commandstats")
    return int(stats.get("cmdstat_evalsha", {"calls": 0})["calls"])

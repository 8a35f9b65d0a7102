"""The breakers of a worker, over the Redis of a test."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from stack.redis_server import RedisServer
from subjects.shared_breakers import RULES, TIMES, MakeBreakers

from services.admission.breakers.base import BreakerRules
from services.admission.breakers.shared import SharedBreakers
from services.admission.shared_link import SharedLink
from services.redis.worker_redis import WorkerRedis


@pytest.fixture
def worker() -> Iterator[MakeBreakers]:
    """Make the breakers of a worker: `worker(server)`; it asks each time if not told else."""
    with ExitStack() as stack:

        def make(
            server: RedisServer, rules: BreakerRules = RULES, known_seconds: float = 0
        ) -> SharedBreakers:
            link = SharedLink(WorkerRedis(server.url), 2, times=TIMES)
            return stack.enter_context(closing(SharedBreakers(link, rules, known_seconds)))

        yield make

"""Workers that share a database and a Redis, in one process."""

from collections.abc import Callable

import pytest
from stack.fixtures import MakeRedis
from stack.redis_server import RedisServer
from worlds.redis_logs import redis_log
from worlds.run_world import MakeWorld, RunWorld

from services.redis.worker_redis import WorkerRedis


@pytest.fixture
def make_worker(make_world: MakeWorld, redis_server: RedisServer) -> MakeWorld:
    """Make workers on the Redis that tests share: `make_worker(script, worker_id="b")`."""
    return workers_on(make_world, redis_server)


@pytest.fixture
def own_redis(make_redis: MakeRedis) -> RedisServer:
    """Give a Redis that may be broken."""
    return make_redis(append_only=True)


@pytest.fixture
def make_shaky_worker(make_world: MakeWorld, own_redis: RedisServer) -> MakeWorld:
    """Make workers on the Redis that may be broken."""
    return workers_on(make_world, own_redis)


def workers_on(make_world: MakeWorld, server: RedisServer) -> Callable[..., RunWorld]:
    """Give what makes workers on a Redis."""

    def make(*scripts: object, worker_id: str = "redis-a", **options: object) -> RunWorld:
        return make_world(
            *scripts,
            worker_id=worker_id,
            open_log=lambda runs, metrics: redis_log(WorkerRedis(server.url), runs, metrics),
            **options,
        )

    return make

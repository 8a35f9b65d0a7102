"""Whether a Redis keeps what it is given."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import redis

from services.domain.certificates import refused_certificate
from services.redis.worker_redis import FAILURES

_CHECK_SECONDS = 3.0


class RedisUnavailable(Exception):
    """Redis does not answer, or does not let this server in."""


class RefusedRedis(Exception):
    """A Redis that would lose or misplace logs; the message says what to change."""


def check(url: str) -> None:
    """Check a Redis before it is used; raises RefusedRedis or RedisUnavailable."""
    client = redis.Redis.from_url(
        url, socket_timeout=_CHECK_SECONDS, socket_connect_timeout=_CHECK_SECONDS
    )
    with closing(client):
        check_client(client)


def check_client(client: Any) -> None:
    """Check the Redis that a client is connected to; raises as `check` does."""
    try:
        info = client.info()
    except FAILURES as exc:
        raise RedisUnavailable(refused_certificate(exc) or str(exc)) from exc
    _judge(info)


def _judge(info: Mapping[str, Any]) -> None:
    if info.get("redis_mode") == "cluster":
        raise RefusedRedis("Redis Cluster is not supported: use a single Redis.")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise RefusedRedis(
            f"it may evict keys (maxmemory-policy {policy}), and with them answers that are being "
            "written: set maxmemory-policy noeviction."
        )

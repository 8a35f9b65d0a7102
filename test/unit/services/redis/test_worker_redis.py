"""What a worker finds out about a real Redis: it is there, away for any reason, and back."""

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from redis import Redis
from stack.redis_server import ANSWER_SECONDS, RedisServer
from worlds.patience import PATIENCE_SECONDS, eventually

from services.redis.causes import FAILURES
from services.redis.check import RedisUnavailable, check
from services.redis.report import reporter
from services.redis.worker_redis import WorkerRedis, close_client
from services.telemetry.metrics import Metrics

Trouble = Callable[[RedisServer], Callable[[], None]]
"""Begins the trouble, and gives the function that ends it."""


def killed(server: RedisServer) -> Callable[[], None]:
    server.kill()
    return server.start


def paused(server: RedisServer) -> Callable[[], None]:
    server.pause()
    return server.resume


def read_only(server: RedisServer) -> Callable[[], None]:
    """Make it a replica, as the old main server is after a failover."""
    command(server, "REPLICAOF", "127.0.0.1", "9")
    return lambda: command(server, "REPLICAOF", "NO", "ONE")


def full(server: RedisServer) -> Callable[[], None]:
    command(server, "CONFIG", "SET", "maxmemory", "1")
    return lambda: command(server, "CONFIG", "SET", "maxmemory", "0")


def without_replicas(server: RedisServer) -> Callable[[], None]:
    command(server, "CONFIG", "SET", "min-replicas-to-write", "1")
    return lambda: command(server, "CONFIG", "SET", "min-replicas-to-write", "0")


def another_password(server: RedisServer) -> Callable[[], None]:
    """Have the server want a password; open connections would stay usable, so they are cut."""
    url = server.url.replace("redis://", "redis://:secret@")
    command(server, "CONFIG", "SET", "requirepass", "secret")
    with closing(Redis.from_url(url, socket_timeout=ANSWER_SECONDS)) as client:
        client.client_kill_filter(type="normal", skipme=True)

    def undo() -> None:
        with closing(Redis.from_url(url, socket_timeout=ANSWER_SECONDS)) as client:
            client.config_set("requirepass", "")

    return undo


TROUBLES = [killed, paused, read_only, full, without_replicas, another_password]


def command(server: RedisServer, *words: str) -> None:
    with closing(server.client()) as client:
        client.execute_command(*words)  # type: ignore[no-untyped-call]  # as redis-py has it


class Part:
    """Notes how long the looks took."""

    def __init__(self) -> None:
        """Know of no looks."""
        self.reasons: list[str] = []
        self.looks: list[float] = []

    def redis_lost(self, reason: str) -> None:
        """Hear that Redis is away."""
        self.reasons.append(reason)

    def redis_seen(self, seconds: float) -> None:
        """Hear that Redis is there."""
        self.looks.append(seconds)


@contextmanager
def joined(redis: WorkerRedis, part: Part) -> Iterator[None]:
    redis.join(part)
    try:
        yield
    finally:
        redis.leave(part)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Close all that is opened through it."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_redis_that_does_not_do_its_work_is_away_until_it_does(
    make_redis: Callable[..., RedisServer], trouble: Trouble, lines: io.StringIO
) -> None:
    server, part, metrics = make_redis(), Part(), Metrics()
    redis = WorkerRedis(server.url, on_change=reporter(metrics))
    with joined(redis, part):
        redis.look()
        eventually(lambda: len(part.looks) == 1)

        end = trouble(server)
        try:
            redis.look()
            eventually(lambda: part.reasons != [])
            assert redis.is_away
            assert redis.reason == part.reasons[0]
            assert is_told_away(metrics)
        finally:
            end()
        eventually(lambda: not redis.is_away and len(part.looks) >= 2)

    assert len(part.reasons) == 1
    assert not is_told_away(metrics)
    events = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
    assert events == ["redis_away", "redis_back"]


def is_told_away(metrics: Metrics) -> bool:
    return "charla_redis_away 1.0" in metrics.render().decode().splitlines()


def test_an_answer_may_take_several_times_as_long_as_readers_wait(
    make_redis: Callable[..., RedisServer],
) -> None:
    server, part = make_redis(), Part()
    redis = WorkerRedis(server.url, patience_seconds=PATIENCE_SECONDS)
    with joined(redis, part):
        redis.look()
        eventually(lambda: len(part.looks) == 1)
        server.pause()
        began = time.monotonic()
        redis.look()
        eventually(lambda: time.monotonic() > began + 1.5)
        server.resume()
        eventually(lambda: len(part.looks) == 2)

    assert part.reasons == []
    assert part.looks[1] > 1


def test_when_redis_is_found_away_nobody_keeps_a_connection_to_what_was_there(
    make_redis: Callable[..., RedisServer], opened: ExitStack
) -> None:
    server, part = make_redis(), Part()
    redis = WorkerRedis(server.url)
    with joined(redis, part):
        client = redis.open()
        opened.callback(close_client, client)
        client.set("a", 1)
        before = id_of(server, "set")

        end = read_only(server)
        redis.look()
        eventually(lambda: part.reasons != [])
        end()
        eventually(lambda: not redis.is_away)
        client.set("a", 2)

    assert id_of(server, "set") != before


def id_of(server: RedisServer, last: str) -> str:
    """Give the id of the connection that sent this last."""
    with closing(server.client()) as client:
        listed: Any = client.client_list()
    [found] = [one for one in listed if one["cmd"] == last]
    assert found["name"] == "charla"
    return str(found["id"])


def test_what_waits_for_less_is_told_sooner(
    make_redis: Callable[..., RedisServer], opened: ExitStack
) -> None:
    server = make_redis()
    client = WorkerRedis(server.url).open(answer_seconds=0.05)
    opened.callback(close_client, client)
    client.ping()
    server.pause()

    began = time.monotonic()
    with pytest.raises(FAILURES):
        client.ping()
    took = time.monotonic() - began
    server.resume()

    assert took < 0.9


def test_a_redis_that_is_away_cannot_be_checked(make_redis: Callable[..., RedisServer]) -> None:
    server = make_redis()
    check(server.url)
    server.kill()

    with pytest.raises(RedisUnavailable):
        check(server.url)

"""Two real servers change roles: a worker follows within seconds, and no reader loses anything."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import gevent
import pytest
from gevent.event import Event
from redis import RedisError
from stack.cut_proxy import CutProxy
from stack.redis_server import RedisServer, SentinelServer
from worlds.redis_logs import redis_log
from worlds.run_world import MakeWorld, RunWorld, read_to_the_end, said
from worlds.worker_readers import PATIENCE_SECONDS, begin_to_read, follow_on

from services.admission.shared_link import SharedLink, SharedTimes
from services.admission.windows.shared import SharedWindows
from services.domain.events import Content
from services.domain.limits import Limit
from services.redis.report import reporter
from services.redis.worker_redis import WorkerRedis
from services.telemetry.metrics import Metrics

SIX = Limit("6 per minute", 6, 60)


@dataclass(frozen=True)
class Pair:
    """A main server and its replica, the URL by which workers know them, and their failover."""

    main: RedisServer
    replica: RedisServer
    url: str
    fail_over: Callable[[], None]


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Close all that is opened through it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def servers(make_redis: Callable[..., RedisServer]) -> tuple[RedisServer, RedisServer]:
    """Give a main server and its replica."""
    main, replica = make_redis(), make_redis()
    replica.follow(main)
    return main, replica


def moved_name(main: RedisServer, replica: RedisServer, opened: ExitStack) -> Pair:
    """Roles change while both servers live and keep their clients; the name then moves."""
    proxy = opened.enter_context(CutProxy(main.port))

    def fail_over() -> None:
        replica.take_over(main)
        proxy.move_to(replica.port)

    return Pair(main, replica, f"redis://127.0.0.1:{proxy.port}/0", fail_over)


def dead_main(main: RedisServer, replica: RedisServer, opened: ExitStack) -> Pair:
    """The main server dies; the Sentinel finds that out and decides, and another one is dead."""
    sentinel = opened.enter_context(SentinelServer(main))
    url = f"redis+sentinel://127.0.0.1:1,{sentinel.host}/main"
    return Pair(main, replica, url, main.kill)


class Worker:
    """Streams, with a run if there is a script, and limits, over one WorkerRedis."""

    def __init__(self, make_world: MakeWorld, url: str, worker_id: str, *scripts: object) -> None:
        """Begin everything that runs beside the requests."""
        self.redis = WorkerRedis(url, on_change=reporter(Metrics()))
        link = SharedLink(self.redis, 3, times=SharedTimes(retry=0.05))
        self.windows = SharedWindows(link)
        self.world: RunWorld = make_world(
            *scripts,
            worker_id=worker_id,
            open_log=lambda runs, metrics: redis_log(self.redis, runs, metrics),
        )
        gevent.sleep(0)

    def takes(self) -> int:
        """Take eight times of six, and count how often there was room; a share has two."""
        return sum(self.windows.take("ann", [SIX]).fits for _ in range(8))


def until(holds: Callable[[], bool]) -> None:
    with gevent.Timeout(PATIENCE_SECONDS):
        while not holds():
            gevent.sleep(0.01)


@pytest.mark.parametrize("way", [moved_name, dead_main])
def test_after_a_failover_streams_and_limits_go_on_and_nothing_is_lost(
    make_world: MakeWorld,
    servers: tuple[RedisServer, RedisServer],
    opened: ExitStack,
    way: Callable[..., Pair],
    lines: io.StringIO,
) -> None:
    pair = way(*servers, opened)
    go_on, end = Event(), Event()
    writer = Worker(
        make_world,
        pair.url,
        "redis-a",
        [Content("before "), go_on, Content("during "), end, *said("after")],
    )
    other = Worker(make_world, pair.url, "redis-b")
    for worker in (writer, other):
        opened.callback(worker.windows.close)
    living = writer.world.launch()
    own, theirs = (follow_on(one.world, living.run_id) for one in (writer, other))
    begin_to_read(own, 2)
    begin_to_read(theirs, 2)
    writer.world.log.flush(PATIENCE_SECONDS)

    pair.fail_over()
    go_on.set()
    assert begin_to_read(own, 1).text == "during "
    until(lambda: role_of(pair.replica) == b"master")
    until(lambda: not writer.world.log.is_degraded and not writer.redis.is_away)
    assert begin_to_read(theirs, 1).text == "during "
    end.set()

    assert read_to_the_end(own).text == "after"
    assert read_to_the_end(theirs).text == "after"
    writer.world.log.flush(PATIENCE_SECONDS)
    with closing(pair.replica.client()) as client:
        entries: Any = client.xrange(f"charla:run:{living.run_id}")
    assert entries[-1][0] == b"1-5"
    until(lambda: writer.takes() == 6 or other.takes() == 6)
    assert reasons(lines) <= {
        "it is a replica and takes no writes: a failover?",
        "nobody listens at its address",
        "it closes the connection at once",
    }


def test_what_workers_tell_each_other_is_heard_after_a_failover_too(
    make_world: MakeWorld,
    servers: tuple[RedisServer, RedisServer],
    opened: ExitStack,
) -> None:
    pair = moved_name(*servers, opened)
    hearing = Worker(make_world, pair.url, "redis-a")
    opened.callback(hearing.windows.close)
    until(lambda: subscribers_of(pair.main) == 1)
    until(lambda: pair.main.command("EXISTS", "charla:probe") == 1)  # it was looked at once

    pair.fail_over()

    until(lambda: role_of(pair.replica) == b"master" and subscribers_of(pair.replica) == 1)
    until(lambda: subscribers_of(pair.main) == 0)


def test_a_connection_in_use_at_the_loss_is_not_used_again(
    servers: tuple[RedisServer, RedisServer], opened: ExitStack
) -> None:
    pair = moved_name(*servers, opened)
    redis = WorkerRedis(pair.url)
    client = redis.open(most=1)
    opened.callback(client.connection_pool.disconnect)
    held = client.connection_pool.get_connection()

    pair.fail_over()
    redis.look(failure_of(pair.main))
    client.connection_pool.release(held)

    client.set("a", "1")
    assert pair.replica.command("GET", "a") == b"1"


def failure_of(server: RedisServer) -> Exception:
    """Give what a write of a script meets at a replica."""
    with pytest.raises(Exception, match="read only replica") as caught:
        server.command("EVAL", "return redis.call('SET', 'a', 2)", "0")
    return caught.value


def role_of(server: RedisServer) -> bytes:
    try:
        return bytes(server.command("ROLE")[0])
    except RedisError:  # a Sentinel cuts all connections
        return b""


def subscribers_of(server: RedisServer) -> int:
    return int(server.command("PUBSUB", "NUMSUB", "charla:nudges")[1])


def reasons(lines: io.StringIO) -> set[str]:
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    return {line["reason"] for line in told if line["event"] == "redis_away"}

"""Limits over several workers, and what is left of them while Redis is away."""

import io
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import pytest
from stack.redis_server import RedisServer
from worlds.patience import eventually

from services.admission.shared_link import CONNECTIONS, SharedLink, SharedTimes
from services.admission.windows.shared import SharedWindows
from services.domain.limits import Count, Limit
from services.redis.worker_redis import WorkerRedis

SIX = Limit("6 per minute", 6, 60)
ONE = Limit("1 per minute", 1, 60)
TIMES = SharedTimes(answer=0.25, retry=0.05)

MakeWindows = Callable[..., SharedWindows]
MakeRedis = Callable[..., RedisServer]


@pytest.fixture
def worker() -> Iterator[MakeWindows]:
    """Make counters of workers: `worker(server)`."""
    with ExitStack() as stack:

        def make(
            server: RedisServer, on_change: Callable[[bool], None] = lambda _: None
        ) -> SharedWindows:
            link = SharedLink(WorkerRedis(server.url), 3, on_change, TIMES)
            return stack.enter_context(closing(SharedWindows(link)))

        yield make


def takes(windows: SharedWindows, limit: Limit = SIX, times: int = 8) -> int:
    """Take, and count how often there was room."""
    return sum(windows.take("ann", [limit]).fits for _ in range(times))


def calls(server: RedisServer) -> int:
    """Count the scripts that the server has run."""
    with closing(server.client()) as client:
        stats: Any = client.info("commandstats")
    return int(stats["cmdstat_evalsha"]["calls"])


def test_workers_share_a_limit(redis_server: RedisServer, worker: MakeWindows) -> None:
    first, second = worker(redis_server), worker(redis_server)

    for windows in (first, second, first):
        windows.take("ann", [SIX])

    assert second.look("ann", [SIX]).tightest.remaining == 3
    assert takes(second) == 3
    assert takes(first) == 0


def test_beyond_a_limit_it_is_told_when_there_is_room_again(
    redis_server: RedisServer, worker: MakeWindows
) -> None:
    windows, limit = worker(redis_server), Limit("1 per 10 seconds", 1, 10)
    began = time.monotonic()
    windows.add("ann", [limit])
    eventually(lambda: time.monotonic() > began + 0.3)

    told = windows.add("ann", [limit])

    assert told.tightest.reset_seconds == 10
    assert told.tightest.remaining == 0


def test_several_limits_are_one_call(redis_server: RedisServer, worker: MakeWindows) -> None:
    windows = worker(redis_server)
    windows.look("ann", [SIX])
    before = calls(redis_server)

    windows.look("ann", [SIX, ONE])
    windows.take("ann", [SIX, ONE])

    assert calls(redis_server) - before == 2


def test_what_is_counted_is_forgotten_by_redis_too(
    redis_server: RedisServer, worker: MakeWindows
) -> None:
    worker(redis_server).take("ann", [SIX])

    with closing(redis_server.client()) as client:
        keys: Any = client.keys("*")
        lives = [client.ttl(key) for key in keys]
    assert lives in ([60], [59])


def test_many_requests_take_few_connections(redis_server: RedisServer, worker: MakeWindows) -> None:
    windows = worker(redis_server)
    with ThreadPoolExecutor(40) as pool:
        counts = list(pool.map(lambda _: windows.look("ann", [SIX]), range(400)))

    assert {count.tightest.remaining for count in counts} == {6}
    with closing(redis_server.client()) as client:
        clients: Any = client.client_list()
    assert len(clients) <= CONNECTIONS + 1


def test_a_script_that_redis_forgot_is_sent_again(
    redis_server: RedisServer, worker: MakeWindows
) -> None:
    windows = worker(redis_server)
    windows.take("ann", [SIX])
    with closing(redis_server.client()) as client:
        client.script_flush()

    assert windows.take("ann", [SIX]).tightest.remaining == 4


def test_without_redis_each_process_counts_its_share(
    make_redis: MakeRedis, worker: MakeWindows, lines: io.StringIO
) -> None:
    server = make_redis()
    changes: list[bool] = []
    first, second = worker(server, changes.append), worker(server)
    assert takes(first, times=1) == 1

    server.kill()

    assert takes(first) == 2
    assert takes(second) == 2
    told = first.look("ann", [SIX])
    assert not told.fits
    assert (told.tightest.limit, told.tightest.remaining) == (SIX, 0)
    assert changes == [True]
    events = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
    assert events == ["limits_counted_apart"] * 2


def test_a_share_is_at_least_one(make_redis: MakeRedis, worker: MakeWindows) -> None:
    server = make_redis()
    server.kill()

    assert takes(worker(server), ONE) == 1


def test_a_redis_that_hangs_is_waited_for_once(make_redis: MakeRedis, worker: MakeWindows) -> None:
    server = make_redis()
    windows = worker(server)
    windows.take("ann", [SIX])
    server.pause()

    began = time.monotonic()
    windows.take("bob", [SIX])
    found_out = time.monotonic() - began
    began = time.monotonic()
    for _ in range(50):
        windows.look("bob", [SIX])
    looked = time.monotonic() - began
    server.resume()

    assert found_out < 1.5
    assert looked < 0.2


def test_many_that_meet_a_redis_that_hangs_all_go_on(
    make_redis: MakeRedis, worker: MakeWindows
) -> None:
    server = make_redis()
    windows = worker(server)
    server.pause()
    began = time.monotonic()

    with ThreadPoolExecutor(100) as pool:
        counts: list[Count] = list(pool.map(lambda _: windows.take("ann", [SIX]), range(100)))
    took = time.monotonic() - began
    server.resume()

    assert [count.fits for count in counts].count(True) == 2
    assert took < 2


def test_when_redis_is_back_its_counts_hold_again(
    make_redis: MakeRedis, worker: MakeWindows, lines: io.StringIO
) -> None:
    server = make_redis()
    changes: list[bool] = []
    first, second = worker(server, changes.append), worker(server)
    assert takes(first, times=4) == 4
    server.pause()
    first.look("ann", [SIX])
    assert takes(first) == 2

    server.resume()
    eventually(lambda: bool(first.look("ann", [SIX])) and changes == [True, False])

    assert first.look("ann", [SIX]).tightest.remaining == 2
    assert takes(second) == 2
    assert takes(first) == 0
    events = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
    assert events == ["limits_counted_apart", "limits_counted_together"]


def test_a_redis_that_starts_anew_counts_from_nothing(
    make_redis: MakeRedis, worker: MakeWindows
) -> None:
    server = make_redis()
    changes: list[bool] = []
    windows = worker(server, changes.append)
    with ThreadPoolExecutor(8) as pool:  # several connections, which the restart breaks
        list(pool.map(lambda _: windows.take("ann", [SIX]), range(8)))
    server.kill()
    windows.look("ann", [SIX])

    server.start()
    eventually(lambda: bool(windows.look("ann", [SIX])) and changes == [True, False])

    assert takes(windows) == 6
    assert changes == [True, False]


def test_a_restart_that_nobody_met_is_not_noticed(
    make_redis: MakeRedis, worker: MakeWindows
) -> None:
    server = make_redis()
    changes: list[bool] = []
    windows = worker(server, changes.append)
    windows.take("ann", [SIX])

    server.kill()
    server.start()

    assert windows.take("ann", [SIX]).tightest.remaining == 5
    assert changes == []


def test_a_redis_that_takes_no_writes_is_away(make_redis: MakeRedis, worker: MakeWindows) -> None:
    server = make_redis()
    changes: list[bool] = []
    windows = worker(server, changes.append)
    with closing(server.client()) as client:
        client.config_set("min-replicas-to-write", 1)
        assert takes(windows) == 2
        until = time.monotonic() + 10 * TIMES.retry
        while time.monotonic() < until:
            windows.look("ann", [SIX])
        assert changes == [True]

        client.config_set("min-replicas-to-write", 0)
        eventually(lambda: bool(windows.look("ann", [SIX])) and changes == [True, False])

    assert takes(windows) == 6


def test_what_was_counted_apart_is_given_back_apart(
    make_redis: MakeRedis, worker: MakeWindows
) -> None:
    server = make_redis()
    windows = worker(server)
    server.kill()
    assert takes(windows, times=1) == 1
    last = windows.take("ann", [SIX])
    assert last.entry is not None

    told = windows.give_back("ann", [SIX], last.entry)

    assert (told.tightest.limit, told.tightest.remaining) == (SIX, 1)
    assert takes(windows) == 1


def test_a_clock_of_redis_that_is_set_back_keeps_nobody_out(
    redis_server: RedisServer, worker: MakeWindows
) -> None:
    windows, second = worker(redis_server), Limit("2 per second", 2, 1)
    in_an_hour = (time.time() + 3600) * 1000  # as it was counted before the clock was set back
    with closing(redis_server.client()) as client:
        client.lpush("charla:limit:ann:2/1", *[round(in_an_hour)] * 2)

    told = windows.take("ann", [second])

    assert not told.fits
    assert told.tightest.reset_seconds <= 1
    eventually(lambda: windows.take("ann", [second]).fits, 2)

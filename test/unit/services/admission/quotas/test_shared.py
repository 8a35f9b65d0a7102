"""Quotas over several workers, and what is left of them while Redis is away."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, cast

import pytest
from stack.redis_server import RedisServer
from worlds.patience import eventually

from services.admission.quotas.base import Quota, QuotaLeft, Quotas, Reservation, Wait
from services.admission.quotas.shared import SharedQuotas
from services.admission.shared_link import SharedLink, SharedTimes
from services.redis.worker_redis import WorkerRedis

SIX = Quota(requests=6, tokens=600)
MINUTE = 60.0
TIMES = SharedTimes(answer=0.25, retry=0.05)

MakeQuotas = Callable[..., SharedQuotas]
MakeRedis = Callable[..., RedisServer]


@pytest.fixture
def worker() -> Iterator[MakeQuotas]:
    """Make the quotas of one of three workers: `worker(server, quota, span)`."""
    with ExitStack() as stack:

        def make(server: RedisServer, quota: Quota = SIX, span: float = MINUTE) -> SharedQuotas:
            link = SharedLink(WorkerRedis(server.url), 3, times=TIMES)
            return stack.enter_context(closing(SharedQuotas(link, {"p": quota}, span)))

        yield make


def take(quotas: Quotas, tokens: int = 10) -> Reservation:
    """Reserve tokens for which there must be room."""
    answer = quotas.reserve("p", tokens)
    assert isinstance(answer, Reservation), answer
    return answer


def count_taken(quotas: Quotas, times: int = 8) -> int:
    """Reserve, and count how often there was room."""
    return sum(isinstance(quotas.reserve("p", 1), Reservation) for _ in range(times))


def fill(server: RedisServer, count: int, tokens: int) -> None:
    """Let many arrive just now, as the script writes them; one by one would take seconds."""
    with closing(server.client()) as client:
        seconds, micro = cast("tuple[int, int]", client.time())
        now = seconds * 1_000_000 + micro
        client.zadd("charla:quota:p:arrived", {f"shared-{i}": now for i in range(count)})
        held = {f"shared-{i}": tokens for i in range(count)}
        client.hset("charla:quota:p:tokens", mapping=held | {"sum": count * tokens})


def scripts(server: RedisServer) -> int:
    """Count the scripts that the server has run."""
    with closing(server.client()) as client:
        stats: Any = client.info("commandstats")
    return int(stats["cmdstat_evalsha"]["calls"])


def test_workers_share_a_quota(redis_server: RedisServer, worker: MakeQuotas) -> None:
    first, second = worker(redis_server), worker(redis_server)

    for quotas in (first, second, first):
        take(quotas, 100)

    assert second.left("p") == QuotaLeft(3, 300, MINUTE)
    assert count_taken(second) == 3
    assert count_taken(first) == 0


def test_background_requests_of_all_workers_wait_for_each_ones_interactive_ones(
    redis_server: RedisServer, worker: MakeQuotas
) -> None:
    first, second, third = (worker(redis_server) for _ in range(3))
    large = take(first, 550)
    for quotas in (first, second):
        assert isinstance(quotas.reserve("p", 100), Wait)
    first.cancel(large)

    take(first, 100)
    assert isinstance(third.reserve("p", 1, background=True), Wait)
    take(second, 100)
    assert isinstance(third.reserve("p", 1, background=True), Reservation)


def test_each_step_asks_redis_once(redis_server: RedisServer, worker: MakeQuotas) -> None:
    quotas = worker(redis_server)
    quotas.left("p")
    before = scripts(redis_server)

    made = take(quotas)
    quotas.arrived(made)
    quotas.correct(made, 5)

    assert scripts(redis_server) - before == 3


def test_where_there_is_no_quota_redis_is_not_asked(make_redis: MakeRedis) -> None:
    server = make_redis()
    server.kill()
    changes: list[bool] = []
    link = SharedLink(WorkerRedis(server.url), 3, changes.append)

    with closing(SharedQuotas(link, {"p": Quota()}, MINUTE)) as quotas:
        made = take(quotas, 10**9)
        quotas.arrived(made)
        quotas.correct(made, 1)
        quotas.cancel(made)
        assert quotas.left("p") == QuotaLeft(None, None, 0)

    assert changes == []


def test_where_tokens_have_no_limit_nothing_is_corrected(
    redis_server: RedisServer, worker: MakeQuotas
) -> None:
    quotas = worker(redis_server, Quota(requests=2))
    made = take(quotas)
    before = scripts(redis_server)

    quotas.correct(made, 5)

    assert scripts(redis_server) == before


def test_what_is_counted_is_forgotten_by_redis_too(
    redis_server: RedisServer, worker: MakeQuotas
) -> None:
    quotas = worker(redis_server)
    made, _ = take(quotas), take(quotas)
    assert isinstance(quotas.reserve("p", 600), Wait)
    quotas.arrived(made)

    with closing(redis_server.client()) as client:
        keys: Any = client.keys("charla:quota:*")
        lives: Any = {key.decode().rsplit(":", 1)[1]: client.pttl(key) for key in keys}
    assert 0 < lives.pop("waiting") <= 2000
    assert set(lives) == {"arrived", "on_way", "tokens"}
    assert all(900_000 < life <= 1_020_000 for life in lives.values())
    assert max(lives.values()) - min(lives.values()) < 100


def test_times_are_kept_to_the_microsecond(redis_server: RedisServer, worker: MakeQuotas) -> None:
    quotas = worker(redis_server)
    for _ in range(6):
        take(quotas)

    with closing(redis_server.client()) as client:
        times: Any = client.zrange("charla:quota:p:on_way", 0, -1, withscores=True)
    assert any(time % 100 for _, time in times)


def test_many_that_leave_at_once_leave_nothing_behind(
    redis_server: RedisServer, worker: MakeQuotas
) -> None:
    quotas = worker(redis_server, Quota(requests=10_000, tokens=10_000), 0.2)
    fill(redis_server, 2500, 3)
    kept = take(quotas, 1)

    eventually(lambda: quotas.left("p") == QuotaLeft(9_999, 9_999, 0.2))
    quotas.arrived(kept)
    eventually(lambda: quotas.left("p") == QuotaLeft(10_000, 10_000, 0))

    with closing(redis_server.client()) as client:
        assert client.keys("*") == []


def test_tokens_of_thousands_give_a_wait_in_bounded_time(
    redis_server: RedisServer, worker: MakeQuotas
) -> None:
    quotas = worker(redis_server, Quota(tokens=3000))
    fill(redis_server, 3000, 1)

    answer = quotas.reserve("p", 3000)

    assert isinstance(answer, Wait)
    assert 0 < answer.seconds < MINUTE


def test_without_redis_each_process_counts_its_share(
    make_redis: MakeRedis, worker: MakeQuotas
) -> None:
    server = make_redis()
    first, second = worker(server), worker(server)
    assert count_taken(first, 1) == 1

    server.kill()

    assert count_taken(first) == 2
    assert count_taken(second) == 2
    assert first.left("p") == QuotaLeft(0, 198, MINUTE)


def test_a_share_is_at_least_one(make_redis: MakeRedis, worker: MakeQuotas) -> None:
    server = make_redis()
    server.kill()
    quotas = worker(server, Quota(requests=1, tokens=2))

    made = take(quotas, 2)

    assert made.tokens == 1
    assert count_taken(quotas) == 0


def test_a_reservation_made_alone_is_told_to_nobody(
    make_redis: MakeRedis, worker: MakeQuotas
) -> None:
    server = make_redis()
    quotas = worker(server)
    server.kill()
    made = take(quotas, 150)
    server.start()
    eventually(lambda: quotas.left("p").requests == 6)

    quotas.correct(made, 50)
    quotas.cancel(made)

    assert quotas.left("p") == QuotaLeft(6, 600, 0)
    server.kill()
    assert quotas.left("p") == QuotaLeft(2, 200, 0)


def test_a_redis_that_hangs_is_waited_for_once(make_redis: MakeRedis, worker: MakeQuotas) -> None:
    server = make_redis()
    quotas = worker(server)
    made = take(quotas)
    server.pause()

    began = time.monotonic()
    quotas.arrived(made)
    found_out = time.monotonic() - began
    began = time.monotonic()
    for _ in range(50):
        quotas.reserve("p", 1)
        quotas.correct(made, 1)
    took = time.monotonic() - began
    server.resume()

    assert found_out < 1.5
    assert took < 0.2


def test_what_came_of_reservations_meanwhile_is_told_when_redis_is_back(
    make_redis: MakeRedis, worker: MakeQuotas
) -> None:
    server = make_redis()
    first, second = worker(server, span=0.5), worker(server, span=0.5)
    made, corrected, cancelled = take(first, 100), take(first, 100), take(first, 100)
    server.pause()
    first.arrived(made)
    first.correct(corrected, 250)
    first.cancel(cancelled)
    server.resume()

    eventually(lambda: second.left("p") == QuotaLeft(5, 350, 0.5))

    first.cancel(corrected)
    assert second.left("p") == QuotaLeft(6, 600, 0)


def test_a_reservation_whose_answer_was_lost_is_given_back(
    make_redis: MakeRedis, worker: MakeQuotas
) -> None:
    server = make_redis()
    first, second = worker(server), worker(server)
    take(first, 1)
    server.pause()
    take(first, 100)  # alone; Redis is told of it when it goes on
    server.resume()

    eventually(lambda: second.left("p") == QuotaLeft(5, 599, MINUTE))


def test_a_clock_of_redis_that_is_set_back_closes_no_provider(
    redis_server: RedisServer, worker: MakeQuotas
) -> None:
    quotas = worker(redis_server, SIX, 0.5)
    for reservation in [take(quotas) for _ in range(6)]:
        quotas.arrived(reservation)
    assert isinstance(quotas.reserve("p", 10), Wait)  # interactive: background calls wait
    with closing(redis_server.client()) as client:
        for key in cast("list[bytes]", client.keys("charla:quota:p:*")):
            if client.type(key) == b"zset":  # as if all of it had been written in an hour
                for name, score in cast("Any", client.zrange(key, 0, -1, withscores=True)):
                    client.zadd(key, {name: score + 3600 * 1e6})

    told = quotas.reserve("p", 10, background=True)

    assert isinstance(told, Wait)
    assert told.seconds <= 0.5
    eventually(lambda: isinstance(quotas.reserve("p", 10), Reservation), 3)

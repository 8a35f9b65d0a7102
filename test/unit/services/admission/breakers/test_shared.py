"""Circuit breakers over several workers, and what each decides while Redis is away."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from stack.redis_server import RedisServer
from worlds.patience import eventually

from services.admission.breakers.base import BreakerRules, Breakers, BreakerState, Verdict
from services.admission.breakers.shared import MOST_KNOWN, SharedBreakers
from services.admission.shared_link import SharedLink, SharedTimes
from services.redis.worker_redis import WorkerRedis

CALL, PROBE, REFUSED = Verdict.CALL, Verdict.PROBE, Verdict.REFUSED
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
MODEL = ("p", "m")
REST = 0.3
RULES = BreakerRules(failures=3, open_seconds=REST, probe_seconds=60)
PATIENT = BreakerRules(failures=3, open_seconds=60)
TIMES = SharedTimes(answer=0.25, retry=0.05)

MakeBreakers = Callable[..., SharedBreakers]
MakeRedis = Callable[..., RedisServer]


@pytest.fixture
def worker() -> Iterator[MakeBreakers]:
    """Make the breakers of a worker: `worker(server)`; they ask each time by default."""
    with ExitStack() as stack:

        def make(
            server: RedisServer, rules: BreakerRules = RULES, known_seconds: float = 0
        ) -> SharedBreakers:
            link = SharedLink(WorkerRedis(server.url), 2, times=TIMES)
            return stack.enter_context(closing(SharedBreakers(link, rules, known_seconds)))

        yield make


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


def test_failures_of_all_workers_count(redis_server: RedisServer, worker: MakeBreakers) -> None:
    first, second = worker(redis_server, PATIENT), worker(redis_server, PATIENT)
    fail(first, 2)

    fail(second)

    assert (first.admit(*MODEL), second.admit(*MODEL)) == (REFUSED, REFUSED)


def test_a_success_of_any_worker_begins_the_row_anew(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    first, second = worker(redis_server), worker(redis_server)
    fail(first, 2)
    assert second.admit(*MODEL) is CALL
    second.succeeded(*MODEL)

    fail(first, 2)

    assert first.state(*MODEL) is CLOSED


def test_of_all_workers_one_probes(redis_server: RedisServer, worker: MakeBreakers) -> None:
    workers = [worker(redis_server) for _ in range(3)]
    fail(workers[0], 3)
    rest(workers[0])

    answers = [one.admit(*MODEL) for _ in range(3) for one in workers]

    assert answers == [PROBE] + 8 * [REFUSED]
    workers[0].succeeded(*MODEL)
    assert {one.admit(*MODEL) for one in workers} == {CALL}


def test_only_the_one_who_probes_can_give_it_up(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    first, second = worker(redis_server), worker(redis_server)
    for _ in range(2):
        assert second.admit(*MODEL) is CALL
    fail(first, 3)
    rest(first)
    assert first.admit(*MODEL) is PROBE

    second.released(*MODEL)
    second.failed(*MODEL)

    assert second.state(*MODEL) is HALF_OPEN
    assert second.admit(*MODEL) is REFUSED
    first.released(*MODEL)
    assert second.admit(*MODEL) is PROBE


def test_a_probe_that_was_given_up_tells_nothing_about_the_next_one(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    rules = BreakerRules(failures=1, open_seconds=0.05, probe_seconds=0.1)
    first, second = worker(redis_server, rules), worker(redis_server, rules)
    fail(first)
    rest(first)
    assert first.admit(*MODEL) is PROBE
    eventually(lambda: second.admit(*MODEL) is PROBE)

    first.failed(*MODEL)

    assert second.state(*MODEL) is HALF_OPEN


def test_a_closed_breaker_costs_redis_nothing_while_it_is_known(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    breakers = worker(redis_server, known_seconds=30)
    assert breakers.admit(*MODEL) is CALL
    breakers.succeeded(*MODEL)
    before = scripts(redis_server)

    for tell in (breakers.succeeded, breakers.released):
        for _ in range(50):
            assert breakers.admit(*MODEL) is CALL
            tell(*MODEL)
    assert breakers.state(*MODEL) is CLOSED

    assert scripts(redis_server) == before


def test_what_others_did_is_known_a_moment_later(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    first, second = worker(redis_server), worker(redis_server, known_seconds=1)
    assert second.admit(*MODEL) is CALL
    fail(first, 3)
    opened = time.monotonic()
    assert second.admit(*MODEL) is CALL

    eventually(lambda: second.admit(*MODEL) is REFUSED)

    assert time.monotonic() - opened < 1.5


def test_what_a_worker_did_itself_it_knows_at_once(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    breakers = worker(redis_server, known_seconds=30)

    fail(breakers, 3)
    assert breakers.admit(*MODEL) is REFUSED
    eventually(lambda: breakers.admit(*MODEL) is PROBE)
    breakers.released(*MODEL)
    assert breakers.admit(*MODEL) is PROBE
    breakers.succeeded(*MODEL)

    fail(breakers, 2)
    assert breakers.admit(*MODEL) is CALL
    breakers.succeeded(*MODEL)
    fail(breakers, 2)
    assert breakers.state(*MODEL) is CLOSED


def test_a_model_that_never_failed_leaves_nothing_in_redis(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    breakers = worker(redis_server)
    for outcome in (breakers.succeeded, breakers.released):
        breakers.admit(*MODEL)
        outcome(*MODEL)
    breakers.state(*MODEL)

    with closing(redis_server.client()) as client:
        assert client.keys("*") == []


def test_failures_are_forgotten_by_redis_too(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    breakers = worker(redis_server, PATIENT)

    for failures in (1, 2):
        fail(breakers, failures)
        with closing(redis_server.client()) as client:
            keys: Any = client.keys("*")
            lives: Any = [client.ttl(key) for key in keys]
        assert len(lives) == 1
        assert 3600 < lives[0] <= 3750


def test_names_of_models_do_not_fill_the_memory(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    breakers = worker(redis_server, known_seconds=30)
    for i in range(MOST_KNOWN + 10):
        breakers.state("local", f"model {i}")
    before = scripts(redis_server)

    breakers.state("local", f"model {MOST_KNOWN + 5}")
    breakers.state("local", "model 1")

    assert scripts(redis_server) == before + 1


def test_without_redis_a_worker_goes_by_its_own_calls(
    make_redis: MakeRedis, worker: MakeBreakers
) -> None:
    server = make_redis()
    first, second = worker(server, PATIENT), worker(server, PATIENT)
    fail(first, 2)

    server.kill()

    assert first.state(*MODEL) is CLOSED
    assert first.admit(*MODEL) is CALL
    first.failed(*MODEL)
    assert first.state(*MODEL) is OPEN
    assert first.admit(*MODEL) is REFUSED
    assert second.admit(*MODEL) is CALL


def test_without_redis_one_caller_of_each_worker_probes(
    make_redis: MakeRedis, worker: MakeBreakers
) -> None:
    server = make_redis()
    server.kill()
    breakers = worker(server)
    fail(breakers, 3)
    rest(breakers)

    assert [breakers.admit(*MODEL) for _ in range(3)] == [PROBE, REFUSED, REFUSED]
    breakers.succeeded(*MODEL)
    assert breakers.admit(*MODEL) is CALL


def test_a_redis_that_hangs_is_waited_for_once(make_redis: MakeRedis, worker: MakeBreakers) -> None:
    server = make_redis()
    breakers = worker(server)
    assert breakers.admit(*MODEL) is CALL
    server.pause()

    began = time.monotonic()
    for _ in range(50):
        breakers.admit(*MODEL)
        breakers.failed(*MODEL)
    took = time.monotonic() - began
    server.resume()

    assert took < 1.5


@pytest.mark.parametrize(("outcome", "then"), [("succeeded", CALL), ("released", PROBE)])
def test_what_came_of_a_probe_is_told_when_redis_is_back(
    make_redis: MakeRedis, worker: MakeBreakers, outcome: str, then: Verdict
) -> None:
    server = make_redis()
    first, second = worker(server), worker(server)
    fail(first, 3)
    rest(first)
    assert first.admit(*MODEL) is PROBE
    server.pause()
    first.state("p", "other")  # finds out that Redis is away

    getattr(first, outcome)(*MODEL)
    server.resume()

    answers = [REFUSED]

    def is_let_in() -> bool:
        answers.append(second.admit(*MODEL))
        return answers[-1] is not REFUSED

    eventually(is_let_in)
    assert answers[-1] is then


def test_a_probe_that_failed_meanwhile_opens_it_when_redis_is_back(
    make_redis: MakeRedis, worker: MakeBreakers
) -> None:
    server = make_redis()
    rules = BreakerRules(failures=1, open_seconds=0.2, probe_seconds=60)
    first, second = worker(server, rules), worker(server, rules)
    fail(first)
    rest(first)
    assert first.admit(*MODEL) is PROBE
    server.pause()
    first.state("p", "other")  # finds out that Redis is away

    first.failed(*MODEL)
    server.resume()

    eventually(lambda: second.state(*MODEL) is OPEN)


def test_a_probe_of_which_nobody_heard_is_given_back(
    make_redis: MakeRedis, worker: MakeBreakers
) -> None:
    server = make_redis()
    first, second = worker(server), worker(server)
    fail(first, 3)
    rest(first)
    server.pause()
    first.admit(*MODEL)  # Redis makes it the probe when it goes on
    server.resume()

    eventually(lambda: second.admit(*MODEL) is PROBE)


def test_a_redis_that_starts_anew_has_all_closed(
    make_redis: MakeRedis, worker: MakeBreakers
) -> None:
    server = make_redis()
    breakers = worker(server, PATIENT)
    fail(breakers, 3)

    server.kill()
    server.start()

    eventually(lambda: breakers.admit(*MODEL) is CALL)

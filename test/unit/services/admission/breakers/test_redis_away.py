"""What each worker decides about its calls while Redis is away, and when it is back."""

import time

import pytest
from subjects.shared_breakers import (
    CALL,
    CLOSED,
    MODEL,
    OPEN,
    PATIENT,
    PROBE,
    REFUSED,
    MakeBreakers,
    MakeRedis,
    fail,
    rest,
)
from worlds.patience import eventually

from services.admission.breakers.base import BreakerRules, Verdict


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

"""Circuit breakers over several workers: the calls of all count, and one of them probes."""

from stack.redis_server import RedisServer
from subjects.shared_breakers import (
    CALL,
    CLOSED,
    HALF_OPEN,
    MODEL,
    PATIENT,
    PROBE,
    REFUSED,
    MakeBreakers,
    fail,
    rest,
)
from worlds.patience import eventually

from services.admission.breakers.base import BreakerRules


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


def test_a_clock_of_redis_that_is_set_back_closes_no_model_for_longer(
    redis_server: RedisServer, worker: MakeBreakers
) -> None:
    breakers = worker(redis_server)
    fail(breakers, 3)
    [key] = redis_server.command("KEYS", "charla:breaker:*")
    redis_server.command("HINCRBY", key.decode(), "rests", str(3600 * 1_000_000))

    rest(breakers)

    assert breakers.admit(*MODEL) is PROBE

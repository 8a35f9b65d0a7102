"""What circuit breakers promise, in memory and in Redis."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
from subjects.passing_time import MovedTime, PassingTime

from services.admission.breakers.base import BreakerRules, Breakers, BreakerState, Verdict
from services.admission.breakers.local import LocalBreakers
from services.admission.breakers.shared import SharedBreakers
from services.admission.shared_link import SharedLink
from services.redis.worker_redis import WorkerRedis

CALL, PROBE, REFUSED = Verdict.CALL, Verdict.PROBE, Verdict.REFUSED
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
MODEL = ("p", "m")
REST = 0.5
PATIENT = BreakerRules(failures=3, open_seconds=60)
QUICK = BreakerRules(failures=3, open_seconds=REST, probe_seconds=60)

MakeBreakers = Callable[[BreakerRules], Breakers]


@pytest.fixture
def make_breakers(passing: PassingTime, request: pytest.FixtureRequest) -> Iterator[MakeBreakers]:
    """Make breakers of each kind."""
    with ExitStack() as stack:

        def make(rules: BreakerRules) -> Breakers:
            if isinstance(passing, MovedTime):
                return LocalBreakers(rules, passing.clock)
            link = SharedLink(WorkerRedis(request.getfixturevalue("redis_server").url), processes=2)
            return stack.enter_context(closing(SharedBreakers(link, rules)))

        yield make


@pytest.fixture
def breakers(make_breakers: MakeBreakers) -> Breakers:
    """Give breakers that open after three failures and rest shortly."""
    return make_breakers(QUICK)


def fail(breakers: Breakers, times: int = 1) -> None:
    """Make calls that fail."""
    for _ in range(times):
        assert breakers.admit(*MODEL) is CALL
        breakers.failed(*MODEL)


def probe(breakers: Breakers, passing: PassingTime) -> None:
    """Become the probe, once one is due."""
    answers: list[Verdict] = []

    def is_due() -> bool:
        answers.append(breakers.admit(*MODEL))
        return answers[-1] is not REFUSED

    passing.until(is_due)
    assert answers[-1] is PROBE


def test_a_breaker_begins_closed(breakers: Breakers) -> None:
    assert breakers.state(*MODEL) is CLOSED
    assert [breakers.admit(*MODEL) for _ in range(20)] == [CALL] * 20


def test_failures_in_a_row_open_it(make_breakers: MakeBreakers) -> None:
    breakers = make_breakers(PATIENT)
    fail(breakers, 2)
    assert breakers.state(*MODEL) is CLOSED

    fail(breakers)

    assert breakers.state(*MODEL) is OPEN
    assert breakers.admit(*MODEL) is REFUSED


def test_a_success_between_them_begins_the_row_anew(breakers: Breakers) -> None:
    fail(breakers, 2)
    assert breakers.admit(*MODEL) is CALL
    breakers.succeeded(*MODEL)

    fail(breakers, 2)

    assert breakers.state(*MODEL) is CLOSED


def test_what_says_nothing_about_the_upstream_does_not_count(make_breakers: MakeBreakers) -> None:
    breakers = make_breakers(PATIENT)
    fail(breakers, 2)
    for _ in range(5):
        assert breakers.admit(*MODEL) is CALL
        breakers.released(*MODEL)

    assert breakers.admit(*MODEL) is CALL
    fail(breakers)

    assert breakers.state(*MODEL) is OPEN


def test_models_have_breakers_of_their_own(breakers: Breakers) -> None:
    fail(breakers, 3)

    for other in (("p", "n"), ("q", "m")):
        assert breakers.state(*other) is CLOSED
        assert breakers.admit(*other) is CALL


def test_after_its_rest_one_caller_probes(breakers: Breakers, passing: PassingTime) -> None:
    fail(breakers, 3)
    opened = passing.now()

    probe(breakers, passing)

    assert REST - 0.05 < passing.now() - opened < 1.9 * REST
    assert breakers.state(*MODEL) is HALF_OPEN
    assert {breakers.admit(*MODEL) for _ in range(20)} == {REFUSED}


def test_looking_is_not_probing(breakers: Breakers, passing: PassingTime) -> None:
    fail(breakers, 3)

    passing.until(lambda: breakers.state(*MODEL) is HALF_OPEN)

    assert breakers.state(*MODEL) is HALF_OPEN
    assert breakers.admit(*MODEL) is PROBE


def test_a_probe_that_succeeds_closes_it(breakers: Breakers, passing: PassingTime) -> None:
    fail(breakers, 3)
    probe(breakers, passing)

    breakers.succeeded(*MODEL)

    assert breakers.state(*MODEL) is CLOSED
    fail(breakers, 2)
    assert breakers.admit(*MODEL) is CALL


def test_a_probe_that_fails_opens_it_again(breakers: Breakers, passing: PassingTime) -> None:
    fail(breakers, 3)
    probe(breakers, passing)

    breakers.failed(*MODEL)
    opened = passing.now()

    assert breakers.state(*MODEL) is OPEN
    assert breakers.admit(*MODEL) is REFUSED
    probe(breakers, passing)
    assert passing.now() - opened > REST - 0.05


def test_a_probe_that_says_nothing_lets_the_next_one_probe(
    breakers: Breakers, passing: PassingTime
) -> None:
    fail(breakers, 3)
    probe(breakers, passing)

    breakers.released(*MODEL)

    assert breakers.state(*MODEL) is HALF_OPEN
    assert [breakers.admit(*MODEL) for _ in range(2)] == [PROBE, REFUSED]


def test_a_probe_that_never_tells_is_given_up(
    make_breakers: MakeBreakers, passing: PassingTime
) -> None:
    breakers = make_breakers(BreakerRules(failures=1, open_seconds=0.05, probe_seconds=0.4))
    fail(breakers)
    probe(breakers, passing)
    began = passing.now()

    probe(breakers, passing)

    assert 0.35 < passing.now() - began < 2


def test_late_failures_of_earlier_calls_do_not_make_it_rest_longer(
    make_breakers: MakeBreakers,
    passing: PassingTime,
) -> None:
    breakers = make_breakers(BreakerRules(failures=3, open_seconds=1))
    for _ in range(6):
        assert breakers.admit(*MODEL) is CALL
    for _ in range(3):
        breakers.failed(*MODEL)
    opened = passing.now()
    passing.until(lambda: passing.now() > opened + 0.7)

    breakers.failed(*MODEL)
    probe(breakers, passing)

    assert passing.now() - opened < 1.6


def test_an_earlier_call_that_says_nothing_does_not_free_the_probe(
    breakers: Breakers, passing: PassingTime
) -> None:
    for _ in range(5):
        assert breakers.admit(*MODEL) is CALL
    for _ in range(3):
        breakers.failed(*MODEL)
    probe(breakers, passing)

    breakers.released(*MODEL)
    breakers.released(*MODEL)

    assert breakers.admit(*MODEL) is REFUSED
    breakers.released(*MODEL)
    assert breakers.admit(*MODEL) is PROBE


def test_whoever_called_in_spite_of_it_and_succeeded_closes_it(breakers: Breakers) -> None:
    fail(breakers, 3)
    assert breakers.admit(*MODEL) is REFUSED

    breakers.succeeded(*MODEL)

    assert breakers.admit(*MODEL) is CALL


def test_of_many_at_once_one_probes(breakers: Breakers, passing: PassingTime) -> None:
    fail(breakers, 3)
    passing.until(lambda: breakers.state(*MODEL) is HALF_OPEN)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: breakers.admit(*MODEL), range(200)))

    assert answers.count(PROBE) == 1
    assert answers.count(REFUSED) == 199

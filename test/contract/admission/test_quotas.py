"""What the quotas of providers promise, in memory and in Redis."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
from worlds.patience import PATIENCE_SECONDS, eventually

from services.admission.quotas.base import Quota, QuotaLeft, Quotas, Reservation, Wait
from services.admission.quotas.local import LocalQuotas
from services.admission.quotas.shared import SharedQuotas
from services.admission.shared_link import SharedLink
from services.redis.worker_redis import WorkerRedis

SPAN = 0.4
MINUTE = 60.0

MakeQuotas = Callable[..., Quotas]


@pytest.fixture(params=["memory", "redis"])
def make_quotas(request: pytest.FixtureRequest) -> Iterator[MakeQuotas]:
    """Make quotas of each kind: of a provider `p`, with a span of a minute or another one."""
    with ExitStack() as stack:

        def make(quota: Quota, span: float = MINUTE, abandoned: float = 900) -> Quotas:
            limits = {"p": quota}
            if request.param == "memory":
                return LocalQuotas(limits, span, abandoned)
            link = SharedLink(WorkerRedis(request.getfixturevalue("redis_server").url), processes=2)
            return stack.enter_context(closing(SharedQuotas(link, limits, span, abandoned)))

        yield make


def taken(answer: Reservation | Wait) -> Reservation:
    """Give a reservation that must have been made."""
    assert isinstance(answer, Reservation), answer
    return answer


def refused(answer: Reservation | Wait) -> float:
    """Give the wait that must have been told."""
    assert isinstance(answer, Wait), answer
    return answer.seconds


def has_room(quotas: Quotas, tokens: int = 0, *, background: bool = False) -> bool:
    """Try; takes nothing, but a refusal is one."""
    answer = quotas.reserve("p", tokens, background=background)
    if isinstance(answer, Reservation):
        quotas.cancel(answer)
        return True
    return False


def pass_seconds(seconds: float) -> None:
    """Let time pass."""
    until = time.monotonic() + seconds
    eventually(lambda: time.monotonic() > until)


def test_there_are_as_many_requests_as_the_quota_has(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(requests=3))

    answers = [quotas.reserve("p", 1_000_000) for _ in range(4)]

    made = [taken(answer) for answer in answers[:3]]
    assert len({one.id for one in made}) == 3
    assert {(one.provider, one.tokens) for one in made} == {("p", 1_000_000)}
    assert refused(answers[3]) == MINUTE


def test_there_are_as_many_tokens_as_the_quota_has(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(tokens=100))
    taken(quotas.reserve("p", 60))

    refused(quotas.reserve("p", 41))
    taken(quotas.reserve("p", 40))

    refused(quotas.reserve("p", 1))
    taken(quotas.reserve("p", 0))


def test_where_one_limit_has_no_room_nothing_is_taken_of_the_other(
    make_quotas: MakeQuotas,
) -> None:
    quotas = make_quotas(Quota(requests=2, tokens=100))
    taken(quotas.reserve("p", 90))

    refused(quotas.reserve("p", 11))
    taken(quotas.reserve("p", 1))
    refused(quotas.reserve("p", 1))

    assert quotas.left("p") == QuotaLeft(0, 9, MINUTE)


def test_more_tokens_than_the_quota_has_are_taken_as_all_of_them(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(tokens=100))

    whole = taken(quotas.reserve("p", 500))

    assert whole.tokens == 100
    quotas.cancel(whole)
    taken(quotas.reserve("p", 1))
    assert refused(quotas.reserve("p", 500)) > 0


def test_a_request_leaves_a_span_after_it_arrived(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(requests=1), SPAN)
    first = taken(quotas.reserve("p", 1))
    pass_seconds(SPAN / 2)
    arrived = time.monotonic()
    quotas.arrived(first)
    quotas.arrived(first)
    told = time.monotonic()

    eventually(lambda: has_room(quotas))

    assert time.monotonic() >= arrived + SPAN
    assert time.monotonic() < told + 1.9 * SPAN


def test_a_request_on_its_way_does_not_leave(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(requests=1, tokens=10), SPAN)
    taken(quotas.reserve("p", 10))

    pass_seconds(1.5 * SPAN)

    assert refused(quotas.reserve("p", 1)) == SPAN
    assert quotas.left("p") == QuotaLeft(0, 0, SPAN)


def test_the_wait_is_until_the_oldest_that_must_leave_has_left(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(requests=3, tokens=100), 10)
    arrivals = []
    for tokens in (20, 70, 10):
        quotas.arrived(taken(quotas.reserve("p", tokens)))
        arrivals.append(time.monotonic())
        pass_seconds(0.3)

    for tokens, oldest in ((0, 0), (20, 0), (21, 1), (90, 1), (91, 2), (100, 2)):
        told = refused(quotas.reserve("p", tokens)) - (arrivals[oldest] + 10 - time.monotonic())
        assert abs(told) < 0.2


def test_the_shortest_wait_is_a_few_milliseconds(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(requests=1), 0.1)
    waits = []

    def is_free() -> bool:
        answer = quotas.reserve("p", 1)
        if isinstance(answer, Wait):
            waits.append(answer.seconds)
        return isinstance(answer, Reservation)

    quotas.arrived(taken(quotas.reserve("p", 1)))
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_free():
        assert time.monotonic() < until

    assert min(waits) >= 0.005
    assert max(waits) <= 0.1


def test_corrected_tokens_take_the_place_of_the_estimated_ones(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(tokens=100))
    first, second = (taken(quotas.reserve("p", 50)) for _ in range(2))

    quotas.correct(first, 20)
    assert quotas.left("p").tokens == 30
    quotas.arrived(first)
    quotas.correct(first, 10)
    assert quotas.left("p").tokens == 40

    quotas.correct(second, 300)
    assert quotas.left("p").tokens == 0
    refused(quotas.reserve("p", 1))
    quotas.correct(second, 0)
    assert quotas.left("p").tokens == 90


def test_corrected_tokens_leave_with_their_request(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(tokens=100), SPAN)
    made = taken(quotas.reserve("p", 10))
    quotas.arrived(made)
    quotas.correct(made, 250)

    eventually(lambda: has_room(quotas, 100))
    quotas.correct(made, 5)
    quotas.arrived(made)

    assert quotas.left("p") == QuotaLeft(None, 100, 0)


def test_what_is_cancelled_makes_room(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(requests=1, tokens=10))
    made = taken(quotas.reserve("p", 10))
    refused(quotas.reserve("p", 10))

    quotas.cancel(made)
    quotas.cancel(made)

    taken(quotas.reserve("p", 10))
    refused(quotas.reserve("p", 1))


def test_what_arrived_cannot_be_cancelled(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(requests=1, tokens=10))
    made = taken(quotas.reserve("p", 10))
    quotas.arrived(made)

    quotas.cancel(made)

    left = quotas.left("p")
    assert (left.requests, left.tokens) == (0, 0)


def test_what_never_arrived_is_given_up(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(requests=2, tokens=10), SPAN, abandoned=2 * SPAN)
    began = time.monotonic()
    for _ in range(2):
        taken(quotas.reserve("p", 5))

    eventually(lambda: has_room(quotas, 10))

    assert 3 * SPAN <= time.monotonic() - began < 3 * SPAN + 0.4
    assert quotas.left("p") == QuotaLeft(2, 10, 0)


def test_a_standing_tells_what_is_left(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(requests=5, tokens=100))
    assert quotas.left("p") == QuotaLeft(5, 100, 0)
    quotas.arrived(taken(quotas.reserve("p", 30)))

    told = quotas.left("p")

    assert (told.requests, told.tokens) == (4, 70)
    assert MINUTE - 1 < told.reset_seconds <= MINUTE
    taken(quotas.reserve("p", 30))
    assert quotas.left("p") == QuotaLeft(3, 40, MINUTE)


def test_a_provider_without_a_quota_takes_everything(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota())
    for provider in ("p", "unknown"):
        for _ in range(50):
            made = taken(quotas.reserve(provider, 10**9, background=True))
            assert (made.provider, made.tokens) == (provider, 10**9)
            quotas.arrived(made)
            quotas.correct(made, 10**9)
            quotas.cancel(made)

        assert quotas.left(provider) == QuotaLeft(None, None, 0)


def test_a_background_request_waits_while_an_interactive_one_does(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(tokens=100))
    whole = taken(quotas.reserve("p", 90))
    taken(quotas.reserve("p", 1, background=True))
    refused(quotas.reserve("p", 50))

    assert 1 < refused(quotas.reserve("p", 1, background=True)) <= 2
    quotas.cancel(whole)
    assert 1 < refused(quotas.reserve("p", 1, background=True)) <= 2

    taken(quotas.reserve("p", 50))
    taken(quotas.reserve("p", 1, background=True))


def test_a_background_request_waits_while_more_interactive_ones_do(
    make_quotas: MakeQuotas,
) -> None:
    quotas = make_quotas(Quota(tokens=100))
    whole = taken(quotas.reserve("p", 90))
    refused(quotas.reserve("p", 30))
    quotas.cancel(whole)

    for _ in range(2):
        taken(quotas.reserve("p", 30, more_wait=True))
        assert 1 < refused(quotas.reserve("p", 1, background=True)) <= 2
    taken(quotas.reserve("p", 30))
    taken(quotas.reserve("p", 1, background=True))


def test_while_more_interactive_requests_wait_the_two_seconds_begin_anew(
    make_quotas: MakeQuotas,
) -> None:
    quotas = make_quotas(Quota(tokens=100))
    whole = taken(quotas.reserve("p", 90))
    refused(quotas.reserve("p", 30))
    quotas.cancel(whole)
    pass_seconds(1)

    began = time.monotonic()
    taken(quotas.reserve("p", 30, more_wait=True))

    eventually(lambda: has_room(quotas, 1, background=True))
    assert 1.8 < time.monotonic() - began < 2.5


def test_where_none_was_refused_more_of_them_hold_nobody_back(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(tokens=100))

    taken(quotas.reserve("p", 30, more_wait=True))

    taken(quotas.reserve("p", 1, background=True))


def test_background_requests_wait_no_longer_than_two_seconds_for_one_that_left(
    make_quotas: MakeQuotas,
) -> None:
    quotas = make_quotas(Quota(tokens=100))
    taken(quotas.reserve("p", 90))
    refused(quotas.reserve("p", 50))
    left = time.monotonic()
    refused(quotas.reserve("p", 1, background=True))

    eventually(lambda: has_room(quotas, 1, background=True))

    assert 1.8 < time.monotonic() - left < 2.5


def test_a_refused_background_request_holds_nobody_back(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(tokens=100))
    taken(quotas.reserve("p", 90))

    refused(quotas.reserve("p", 50, background=True))

    taken(quotas.reserve("p", 1, background=True))
    taken(quotas.reserve("p", 1))


def test_many_at_once_get_no_more_than_there_is(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(requests=40, tokens=100))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: quotas.reserve("p", 3), range(120)))

    assert sum(isinstance(answer, Reservation) for answer in answers) == 33
    assert quotas.left("p") == QuotaLeft(7, 1, MINUTE)

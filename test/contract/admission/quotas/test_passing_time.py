"""When a request leaves a quota again, and how long a refused one is told to wait."""

from subjects.passing_time import PassingTime
from subjects.quotas import SPAN, MakeQuotas, has_room, refused, taken

from services.admission.quotas.base import Quota, QuotaLeft, Reservation, Wait


def test_a_request_leaves_a_span_after_it_arrived(
    make_quotas: MakeQuotas, passing: PassingTime
) -> None:
    quotas = make_quotas(Quota(requests=1), SPAN)
    first = taken(quotas.reserve("p", 1))
    passing.pass_seconds(SPAN / 2)
    arrived = passing.now()
    quotas.arrived(first)
    quotas.arrived(first)
    told = passing.now()

    passing.until(lambda: has_room(quotas))

    assert passing.now() >= arrived + SPAN
    assert passing.now() < told + 1.9 * SPAN


def test_a_request_on_its_way_does_not_leave(make_quotas: MakeQuotas, passing: PassingTime) -> None:
    quotas = make_quotas(Quota(requests=1, tokens=10), SPAN)
    taken(quotas.reserve("p", 10))

    passing.pass_seconds(1.5 * SPAN)

    assert refused(quotas.reserve("p", 1)) == SPAN
    assert quotas.left("p") == QuotaLeft(0, 0, SPAN)


def test_the_wait_is_until_the_oldest_that_must_leave_has_left(
    make_quotas: MakeQuotas, passing: PassingTime
) -> None:
    quotas = make_quotas(Quota(requests=3, tokens=100), 10)
    arrivals = []
    for tokens in (20, 70, 10):
        quotas.arrived(taken(quotas.reserve("p", tokens)))
        arrivals.append(passing.now())
        passing.pass_seconds(0.3)

    for tokens, oldest in ((0, 0), (20, 0), (21, 1), (90, 1), (91, 2), (100, 2)):
        told = refused(quotas.reserve("p", tokens)) - (arrivals[oldest] + 10 - passing.now())
        assert abs(told) < 0.2


def test_the_shortest_wait_is_a_few_milliseconds(
    make_quotas: MakeQuotas, passing: PassingTime
) -> None:
    quotas = make_quotas(Quota(requests=1), 1 / 8)
    waits = []

    def is_free() -> bool:
        answer = quotas.reserve("p", 1)
        if isinstance(answer, Wait):
            waits.append(answer.seconds)
        return isinstance(answer, Reservation)

    quotas.arrived(taken(quotas.reserve("p", 1)))
    passing.until(is_free, step=1 / 1024)

    assert min(waits) >= 0.005
    assert max(waits) <= 1 / 8


def test_corrected_tokens_leave_with_their_request(
    make_quotas: MakeQuotas, passing: PassingTime
) -> None:
    quotas = make_quotas(Quota(tokens=100), SPAN)
    made = taken(quotas.reserve("p", 10))
    quotas.arrived(made)
    quotas.correct(made, 250)

    passing.until(lambda: has_room(quotas, 100))
    quotas.correct(made, 5)
    quotas.arrived(made)

    assert quotas.left("p") == QuotaLeft(None, 100, 0)


def test_what_never_arrived_is_given_up(make_quotas: MakeQuotas, passing: PassingTime) -> None:
    quotas = make_quotas(Quota(requests=2, tokens=10), SPAN, abandoned=2 * SPAN)
    began = passing.now()
    for _ in range(2):
        taken(quotas.reserve("p", 5))

    passing.until(lambda: has_room(quotas, 10))

    assert 3 * SPAN <= passing.now() - began < 3 * SPAN + 0.4
    assert quotas.left("p") == QuotaLeft(2, 10, 0)

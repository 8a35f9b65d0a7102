"""Background requests wait while interactive requests do, but not for ever."""

from subjects.passing_time import PassingTime
from subjects.quotas import MakeQuotas, has_room, refused, taken

from services.admission.quotas.base import Quota


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
    passing: PassingTime,
) -> None:
    quotas = make_quotas(Quota(tokens=100))
    whole = taken(quotas.reserve("p", 90))
    refused(quotas.reserve("p", 30))
    quotas.cancel(whole)
    passing.pass_seconds(1)

    began = passing.now()
    taken(quotas.reserve("p", 30, more_wait=True))

    passing.until(lambda: has_room(quotas, 1, background=True))
    assert 1.8 < passing.now() - began < 2.5


def test_where_none_was_refused_more_of_them_hold_nobody_back(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(tokens=100))

    taken(quotas.reserve("p", 30, more_wait=True))

    taken(quotas.reserve("p", 1, background=True))


def test_background_requests_wait_no_longer_than_two_seconds_for_one_that_left(
    make_quotas: MakeQuotas,
    passing: PassingTime,
) -> None:
    quotas = make_quotas(Quota(tokens=100))
    taken(quotas.reserve("p", 90))
    refused(quotas.reserve("p", 50))
    left = passing.now()
    refused(quotas.reserve("p", 1, background=True))

    passing.until(lambda: has_room(quotas, 1, background=True))

    assert 1.8 < passing.now() - left < 2.5


def test_a_refused_background_request_holds_nobody_back(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(tokens=100))
    taken(quotas.reserve("p", 90))

    refused(quotas.reserve("p", 50, background=True))

    taken(quotas.reserve("p", 1, background=True))
    taken(quotas.reserve("p", 1))

"""How much room a quota has: for requests and tokens, after corrections and cancellations."""

from concurrent.futures import ThreadPoolExecutor

from subjects.quotas import MINUTE, MakeQuotas, refused, taken

from services.admission.quotas.base import Quota, QuotaLeft, Reservation


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


def test_many_at_once_get_no_more_than_there_is(make_quotas: MakeQuotas) -> None:
    quotas = make_quotas(Quota(requests=40, tokens=100))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: quotas.reserve("p", 3), range(120)))

    assert sum(isinstance(answer, Reservation) for answer in answers) == 33
    assert quotas.left("p") == QuotaLeft(7, 1, MINUTE)

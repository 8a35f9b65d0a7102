"""How many messages a user may send: checked first, counted only for a run that began."""

import pytest
from api.accounts import Account, MakeApp, sign_up
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.admission.windows.local import LocalWindows
from services.admission.windows.turn_limit import TurnLimit
from services.domain.errors.requests import TooManyRequests
from services.domain.limits import Limit, Standing


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    """Give a client of an application where two messages an hour are allowed."""
    return make_app(RATE_LIMIT_AI="2 per hour").test_client()


@pytest.fixture
def account(client: FlaskClient) -> Account:
    """Give a user who has sent nothing yet."""
    return sign_up(client)


def send(client: FlaskClient, account: Account, **more: str) -> TestResponse:
    headers = {**account.headers, **more}
    return client.post("/api/chat", json={"content": "/slow 0 /echo Hello"}, headers=headers)


def test_a_used_up_limit_says_when_to_come_back(client: FlaskClient, account: Account) -> None:
    answers = [send(client, account) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"2"}
    assert 3500 < int(answers[2].headers["Retry-After"]) <= 3600
    assert answers[2].get_json()["code"] == "rate_limited"


def test_each_user_has_a_limit_of_their_own(client: FlaskClient, account: Account) -> None:
    other = sign_up(client, "bob@example.org")
    for _ in range(3):
        send(client, account)

    assert send(client, other).status_code == 200


def test_a_replay_costs_nothing_even_when_the_limit_is_used_up(
    client: FlaskClient, account: Account
) -> None:
    first = send(client, account, **{"Idempotency-Key": "one"})
    send(client, account)

    again = send(client, account, **{"Idempotency-Key": "one"})

    assert again.status_code == 200
    assert again.get_json()["run_id"] == first.get_json()["run_id"]


def test_a_message_that_is_refused_costs_nothing(client: FlaskClient, account: Account) -> None:
    for _ in range(3):
        body = {"content": "/slow 0 /echo Hello", "model": "nobody-has-it"}
        refused = client.post("/api/chat", json=body, headers=account.headers)
        assert refused.status_code == 422

    assert send(client, account).headers["RateLimit-Remaining"] == "1"


def test_a_refusal_after_the_limit_was_looked_at_tells_it_as_well(
    client: FlaskClient, account: Account
) -> None:
    body = {"content": "/slow 0 /echo Hello", "session_id": "00000000-0000-7000-8000-000000000000"}

    refused = client.post("/api/chat", json=body, headers=account.headers)

    assert refused.status_code == 404
    assert refused.headers["RateLimit-Limit"] == "2"
    assert refused.headers["RateLimit-Remaining"] == "2"


def test_several_limits_hold_together(make_app: MakeApp) -> None:
    client = make_app(RATE_LIMIT_AI="5 per minute; 1 per hour").test_client()
    account = sign_up(client)

    answers = [send(client, account) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["RateLimit-Limit"] == "1"


def test_limits_that_are_off_show_no_headers(make_app: MakeApp) -> None:
    client = make_app(RATE_LIMIT_AI="1 per hour", RATE_LIMIT_ENABLED="false").test_client()
    account = sign_up(client)

    answers = [send(client, account) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "RateLimit-Limit" not in answers[0].headers


def test_requests_at_once_do_not_get_the_same_place() -> None:
    limit = TurnLimit(LocalWindows(), [Limit("1 per 1 hour", 1, 3600)])

    first = limit.hold("ann")
    with pytest.raises(TooManyRequests):
        limit.hold("ann")
    limit.hold("bob")
    first.give_back()  # it began no run
    limit.hold("ann").take()

    with pytest.raises(TooManyRequests):
        limit.hold("ann")


def test_a_hold_that_is_given_back_twice_frees_one_place_only() -> None:
    limit = TurnLimit(LocalWindows(), [Limit("2 per 1 hour", 2, 3600)])
    first = limit.hold("ann")
    limit.hold("ann")

    first.give_back()
    first.give_back()

    limit.hold("ann")
    with pytest.raises(TooManyRequests):
        limit.hold("ann")


def test_a_run_that_began_takes_one_place_only() -> None:
    limit = TurnLimit(LocalWindows(), [Limit("2 per 1 hour", 2, 3600)])

    limit.hold("ann").take()

    limit.hold("ann")


def test_two_workers_that_begin_at_once_let_no_more_begin_than_the_limit_says() -> None:
    windows, once = LocalWindows(), [Limit("1 per 1 hour", 1, 3600)]
    here, there = TurnLimit(windows, once), TurnLimit(windows, once)

    first = here.hold("ann")
    with pytest.raises(TooManyRequests):
        there.hold("ann")
    first.give_back()

    assert there.hold("ann").standing == Standing(once[0], 0, 3600)


def test_a_hold_tells_where_its_user_stands_before_and_after_it_is_given_back() -> None:
    limit = TurnLimit(LocalWindows(), [Limit("2 per 1 hour", 2, 3600)])
    hold = limit.hold("ann")
    assert hold.standing is not None
    assert hold.standing.remaining == 1

    hold.give_back()

    assert hold.standing.remaining == 2

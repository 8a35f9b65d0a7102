"""Guessing a password becomes slow, and the owner of the account does not notice."""

from typing import Any

import pytest
from api.accounts import PASSWORD, MakeApp, bearer, sign_up
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

ANN = "ann@example.org"
HOME = "192.0.2.1"
STRICT = {
    "RATE_LIMIT_FAILED_ACCOUNT": "3 per 10 minutes",
    "RATE_LIMIT_FAILED_NETWORK": "2 per 10 minutes",
}


def post(client: FlaskClient, path: str, where: str, **body: Any) -> TestResponse:
    return client.post(f"/api/auth/{path}", json=body, environ_overrides={"REMOTE_ADDR": where})


def guess(client: FlaskClient, where: str, email: str = ANN) -> TestResponse:
    return post(client, "login", where, email=email, password="a guess")


def log_in(client: FlaskClient, where: str) -> TestResponse:
    return post(client, "login", where, email=ANN, password=PASSWORD)


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    """Give a server with one account, made at home, of which others tried all that they may."""
    client = make_app(**STRICT).test_client()
    post(client, "register", HOME, email=ANN, password=PASSWORD)
    for n in range(3):
        assert guess(client, f"203.0.113.{n}").status_code == 401
    return client


def test_beyond_the_allowance_a_network_may_try_once_and_is_told_when_again(
    client: FlaskClient,
) -> None:
    once, again = guess(client, "203.0.113.9"), guess(client, "203.0.113.9")

    assert (once.status_code, again.status_code) == (401, 429)
    assert again.get_json()["code"] == "rate_limited"
    assert 1 <= int(again.headers["Retry-After"]) <= 600


def test_many_networks_of_one_site_may_try_once_together(client: FlaskClient) -> None:
    answers = [guess(client, f"2001:db8:1:{n:x}::1").status_code for n in (0, 1, 0x100)]

    assert answers == [401, 429, 429]


def test_the_owner_logs_in_where_the_account_was_opened_before(client: FlaskClient) -> None:
    assert [log_in(client, HOME).status_code for _ in range(5)] == [200] * 5


def test_the_owner_gets_in_with_a_new_device_and_is_known_there_from_then_on(
    client: FlaskClient,
) -> None:
    assert [log_in(client, "198.51.100.7").status_code for _ in range(5)] == [200] * 5


def test_a_login_that_is_open_goes_on(client: FlaskClient) -> None:
    refresh_token = log_in(client, HOME).get_json()["refresh_token"]

    assert post(client, "refresh", "203.0.113.1", refresh_token=refresh_token).status_code == 200


def test_an_account_that_does_not_exist_is_as_slow(client: FlaskClient) -> None:
    def told(email: str, net: str) -> list[tuple[int, Any, Any]]:
        answers = [guess(client, f"{net}.{n}", email) for n in (7, 7, 8, 8)]
        return [
            (one.status_code, one.get_json()["detail"], one.headers.get("RateLimit-Limit"))
            for one in answers
        ]

    for n in range(3):
        guess(client, f"203.0.113.1{n}", "nobody@example.org")

    nobody, ann = told("NOBODY@example.org", "198.51.100"), told(ANN, "198.51.101")

    assert nobody == ann
    assert [status for status, *_ in ann] == [401, 429, 401, 429]


def test_a_neighbour_of_the_owner_has_no_more_guesses_than_others(client: FlaskClient) -> None:
    answers = [guess(client, HOME).status_code for _ in range(6)]

    assert answers == [401, 401, 401, 429, 429, 429]


def test_a_neighbour_of_the_owner_does_not_see_whether_there_is_an_account(
    make_app: MakeApp,
) -> None:
    client = make_app(RATE_LIMIT_FAILED_ACCOUNT="3 per 10 minutes").test_client()
    post(client, "register", HOME, email=ANN, password=PASSWORD)

    def told(email: str) -> list[tuple[int, Any, Any]]:
        answers = [guess(client, HOME, email) for _ in range(6)]
        return [
            (one.status_code, one.get_json()["detail"], one.headers.get("RateLimit-Limit"))
            for one in answers
        ]

    assert told("nobody@example.org") == told(ANN)


def test_what_fails_in_a_network_counts_over_all_accounts(make_app: MakeApp) -> None:
    client = make_app(**STRICT).test_client()
    where = "203.0.113.1"

    answers = [guess(client, where, f"{n}@example.org") for n in range(3)]

    assert [one.status_code for one in answers] == [401, 401, 429]
    assert guess(client, "203.0.113.2", "9@example.org").status_code == 401


def test_the_networks_around_have_allowances_that_grow(make_app: MakeApp) -> None:
    client = make_app(**STRICT).test_client()

    def refused_after(addresses: list[str]) -> int:
        codes = [
            guess(client, one, f"{n}-{one[:12]}@example.org".replace(":", "")).status_code
            for n, one in enumerate(addresses)
        ]
        return codes.index(429)

    assert refused_after([f"2001:db8:a:{n:x}::1" for n in range(10)]) == 8
    assert refused_after([f"2001:db8:b:{n:x}00::1" for n in range(40)]) == 32


def test_guesses_at_the_current_password_count_for_the_login_that_makes_them(
    client: FlaskClient,
) -> None:
    stolen, own = (log_in(client, HOME).get_json()["access_token"] for _ in range(2))

    def change(token: str, current: str) -> int:
        body = {"current": current, "new": "another good password"}
        return client.post("/api/auth/password", json=body, headers=bearer(token)).status_code

    assert [change(stolen, "a guess") for _ in range(4)] == [422, 422, 422, 429]
    assert change(own, PASSWORD) == 204


def test_wrong_logins_are_not_slowed_down_where_limits_are_off(make_app: MakeApp) -> None:
    client = make_app(**STRICT, RATE_LIMIT_ENABLED="false").test_client()
    sign_up(client)

    assert {guess(client, "203.0.113.1").status_code for _ in range(6)} == {401}


def test_renewals_are_limited_by_network(make_app: MakeApp) -> None:
    client = make_app(RATE_LIMIT_REFRESH="1 per hour").test_client()

    answers = [post(client, "refresh", "203.0.113.1", refresh_token="x") for _ in range(2)]

    assert [one.status_code for one in answers] == [401, 429]

"""How a login goes on and ends: refresh tokens, reuse, logout."""

from typing import Any

from api.accounts import Account, MakeApp, bearer, sign_up
from flask.testing import FlaskClient


def refresh(client: FlaskClient, token: str) -> tuple[int, dict[str, Any]]:
    response = client.post("/api/auth/refresh", json={"refresh_token": token})
    return response.status_code, response.get_json()


def is_known(client: FlaskClient, access_token: str) -> bool:
    return client.get("/api/auth/me", headers=bearer(access_token)).status_code == 200


def test_a_refresh_answers_like_a_login(client: FlaskClient, account: Account) -> None:
    status, body = refresh(client, account.tokens["refresh_token"])

    assert status == 200
    assert set(body) == set(account.tokens)
    assert body["user"] == account.tokens["user"]
    assert body["refresh_token"] != account.tokens["refresh_token"]
    assert is_known(client, body["access_token"])


def test_two_tabs_that_refresh_at_once_go_on_with_one_token(
    client: FlaskClient, account: Account
) -> None:
    first = refresh(client, account.tokens["refresh_token"])
    second = refresh(client, account.tokens["refresh_token"])

    assert (first[0], second[0]) == (200, 200)
    assert first[1]["refresh_token"] == second[1]["refresh_token"]
    assert is_known(client, first[1]["access_token"])
    assert is_known(client, second[1]["access_token"])
    assert refresh(client, first[1]["refresh_token"])[0] == 200


def test_a_tab_that_comes_late_within_the_grace_gets_the_newest_token(
    client: FlaskClient, account: Account
) -> None:
    token = account.tokens["refresh_token"]
    for _ in range(3):
        token = refresh(client, token)[1]["refresh_token"]

    late = refresh(client, account.tokens["refresh_token"])

    assert late[0] == 200
    assert late[1]["refresh_token"] == token


def test_a_lost_answer_is_asked_for_again_with_its_key(make_app: MakeApp) -> None:
    client = make_app(REFRESH_GRACE_SECONDS="0").test_client()
    account = sign_up(client)
    sent = {"refresh_token": account.tokens["refresh_token"]}

    def ask(key: str) -> tuple[int, dict[str, Any]]:
        headers = {"Idempotency-Key": key}
        response = client.post("/api/auth/refresh", json=sent, headers=headers)
        return response.status_code, response.get_json()

    lost, again = ask("a"), ask("a")

    assert (lost[0], again[0]) == (200, 200)
    assert lost[1]["refresh_token"] == again[1]["refresh_token"]
    assert ask("b")[0] == 401
    assert not is_known(client, again[1]["access_token"])


def test_a_token_that_comes_again_after_the_grace_ends_the_login(make_app: MakeApp) -> None:
    client = make_app(REFRESH_GRACE_SECONDS="0").test_client()
    account = sign_up(client)
    _, renewed = refresh(client, account.tokens["refresh_token"])

    status, problem = refresh(client, account.tokens["refresh_token"])

    assert (status, problem["code"]) == (401, "unauthorized")
    assert refresh(client, renewed["refresh_token"])[0] == 401
    assert not is_known(client, renewed["access_token"])


def test_a_refresh_token_that_nobody_got_is_refused(client: FlaskClient, account: Account) -> None:
    assert refresh(client, "x" * 43)[0] == 401
    assert refresh(client, account.tokens["access_token"])[0] == 401


def test_a_refresh_token_opens_no_door(client: FlaskClient, account: Account) -> None:
    assert not is_known(client, account.tokens["refresh_token"])


def test_a_logout_ends_both_tokens_of_this_login_only(
    client: FlaskClient, account: Account
) -> None:
    again = client.post(
        "/api/auth/login", json={"email": account.email, "password": "seven quiet rivers run north"}
    ).get_json()

    left = client.post("/api/auth/logout", headers=account.headers)

    assert (left.status_code, left.data) == (204, b"")
    assert not is_known(client, account.tokens["access_token"])
    assert refresh(client, account.tokens["refresh_token"])[0] == 401
    assert is_known(client, again["access_token"])


def test_a_login_is_limited_by_address_and_says_when_to_come_back(make_app: MakeApp) -> None:
    client = make_app(RATE_LIMIT_LOGIN="2 per minute").test_client()
    guess = {"email": "ann@example.org", "password": "a guess"}

    answers = [client.post("/api/auth/login", json=guess) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[2].get_json()["code"] == "rate_limited"
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[0].headers["RateLimit-Limit"] == "2"


def test_a_registration_is_limited_by_address(make_app: MakeApp) -> None:
    client = make_app(RATE_LIMIT_REGISTER="1 per hour").test_client()
    sign_up(client)

    body = {"email": "bob@example.org", "password": "seven quiet rivers run north"}
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}

    assert client.post("/api/auth/register", json=body).status_code == 429
    assert (
        client.post("/api/auth/register", json=body, environ_overrides=elsewhere).status_code == 201
    )


def test_one_links_ipv6_addresses_share_a_limit_and_neighbours_do_not(make_app: MakeApp) -> None:
    client = make_app(RATE_LIMIT_LOGIN="1 per minute").test_client()
    guess = {"email": "ann@example.org", "password": "a guess"}

    def answer_from(address: str) -> int:
        where = {"REMOTE_ADDR": address}
        return client.post("/api/auth/login", json=guess, environ_overrides=where).status_code

    assert answer_from("2001:db8::1") == 401
    assert answer_from("2001:db8::2") == 429
    assert [answer_from(f"2001:db8:0:{n:x}::1") for n in range(1, 6)] == [401] * 5


def test_a_site_shares_a_limit_of_new_accounts(make_app: MakeApp) -> None:
    client = make_app(RATE_LIMIT_REGISTER="1 per minute").test_client()

    def answer_from(number: int) -> int:
        body = {"email": f"ann{number}@example.org", "password": "seven quiet rivers run north"}
        where = {"REMOTE_ADDR": f"2001:db8:0:{number:x}::1"}
        return client.post("/api/auth/register", json=body, environ_overrides=where).status_code

    assert [answer_from(number) for number in range(5)] == [201] * 4 + [429]


def test_limits_can_be_turned_off(make_app: MakeApp) -> None:
    client = make_app(RATE_LIMIT_LOGIN="1 per day", RATE_LIMIT_ENABLED="false").test_client()
    guess = {"email": "ann@example.org", "password": "a guess"}

    answers = [client.post("/api/auth/login", json=guess) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {401}
    assert "RateLimit-Limit" not in answers[0].headers

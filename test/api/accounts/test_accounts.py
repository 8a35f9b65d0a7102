"""Registration, login, the account itself and its password."""

from typing import Any

import pytest
from api.accounts import PASSWORD, Account, Register
from flask.testing import FlaskClient

ANN = "ann@example.org"


def post(client: FlaskClient, path: str, **body: object) -> tuple[int, dict[str, Any]]:
    response = client.post(f"/api/auth/{path}", json=body)
    return response.status_code, response.get_json()


def test_a_registration_answers_with_tokens_and_the_account(client: FlaskClient) -> None:
    body = {"email": "Ann@Example.org", "password": PASSWORD, "name": "Ann"}

    response = client.post("/api/auth/register", json=body)

    made = response.get_json()
    assert response.status_code == 201
    assert set(made) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert made["token_type"] == "Bearer"
    assert made["expires_in"] == 900
    assert set(made["user"]) == {"id", "email", "name", "tenant_id", "role"}
    assert made["user"]["email"] == "Ann@Example.org"
    assert made["user"]["name"] == "Ann"
    assert response.headers["Cache-Control"] == "no-store"


def test_the_first_account_is_the_admin_and_the_next_is_not(register: Register) -> None:
    first, second = register("a@example.org"), register("b@example.org")

    assert first.tokens["user"]["role"] == "admin"
    assert second.tokens["user"]["role"] == "member"
    assert first.tokens["user"]["name"] is None


def test_an_address_is_taken_whatever_its_case(client: FlaskClient, account: Account) -> None:
    status, problem = post(client, "register", email=account.email.upper(), password=PASSWORD)

    assert (status, problem["code"]) == (409, "email_taken")


def test_a_login_compares_the_address_without_case(client: FlaskClient, account: Account) -> None:
    status, body = post(client, "login", email="Ann@EXAMPLE.org", password=PASSWORD)

    assert status == 200
    assert body["user"] == account.tokens["user"]


@pytest.mark.usefixtures("account")
def test_a_login_does_not_tell_which_part_was_wrong(client: FlaskClient) -> None:
    wrong_password = post(client, "login", email=ANN, password="wrong")
    wrong_address = post(client, "login", email="bob@example.org", password=PASSWORD)

    for status, problem in (wrong_password, wrong_address):
        assert (status, problem["code"]) == (401, "unauthorized")
    assert wrong_password[1]["detail"] == wrong_address[1]["detail"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "ann"),
        ("email", "ann@"),
        ("email", f"{'a' * 250}@example.org"),
        ("email", "ann@example.org\0"),
        ("email", None),
        ("email", 5),
        ("password", "seven77"),
        ("password", "x" * 129),
        ("password", "eight888\0"),
        ("password", "eight888\ud800"),
        ("password", None),
        ("name", "n" * 101),
        ("name", ["Ann"]),
        ("role", "admin"),
    ],
)
def test_a_registration_that_breaks_a_rule_names_the_field(
    client: FlaskClient, field: str, value: object
) -> None:
    body = {"email": ANN, "password": PASSWORD, field: value}

    status, problem = post(client, "register", **body)

    assert (status, problem["code"]) == (422, "invalid_request")
    assert list(problem["errors"]) == [field]


@pytest.mark.parametrize("password", ["eight888", "x" * 128, "  spaces stay  ", "pässwörd-日本語"])
def test_a_password_is_taken_as_it_is(client: FlaskClient, password: str) -> None:
    assert post(client, "register", email=ANN, password=password)[0] == 201

    assert post(client, "login", email=ANN, password=password)[0] == 200
    assert post(client, "login", email=ANN, password=password[:-1])[0] == 401


def test_me_is_the_account_of_the_token(client: FlaskClient, register: Register) -> None:
    register("ann@example.org")
    bob = register("bob@example.org")

    mine = client.get("/api/auth/me", headers=bob.headers)

    assert mine.get_json() == bob.tokens["user"]


def test_a_new_password_replaces_the_old_one(client: FlaskClient, account: Account) -> None:
    body = {"current": PASSWORD, "new": "another good password"}

    changed = client.post("/api/auth/password", json=body, headers=account.headers)

    assert (changed.status_code, changed.data) == (204, b"")
    assert post(client, "login", email=ANN, password=PASSWORD)[0] == 401
    assert post(client, "login", email=ANN, password=body["new"])[0] == 200


def test_a_change_of_the_password_needs_the_current_one(
    client: FlaskClient, account: Account
) -> None:
    body = {"current": "a guess", "new": "another good password"}

    refused = client.post("/api/auth/password", json=body, headers=account.headers)

    assert refused.status_code == 422
    assert list(refused.get_json()["errors"]) == ["current"]
    assert post(client, "login", email=ANN, password=PASSWORD)[0] == 200


def test_a_change_of_the_password_ends_all_other_logins(
    client: FlaskClient, account: Account
) -> None:
    _, other = post(client, "login", email=ANN, password=PASSWORD)
    body = {"current": PASSWORD, "new": "another good password"}

    client.post("/api/auth/password", json=body, headers=account.headers)

    assert post(client, "refresh", refresh_token=other["refresh_token"])[0] == 401
    assert client.get("/api/auth/me", headers=account.headers).status_code == 200

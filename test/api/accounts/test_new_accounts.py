"""What a new account may be called, and which passwords are taken."""

from datetime import UTC, datetime

import pytest
from api.accounts import PASSWORD, Account, MakeApp
from flask import Flask
from flask.testing import FlaskClient
from uuid_utils.compat import uuid7
from werkzeug.test import TestResponse

from services.domain.users import EXAMPLE_PASSWORDS
from services.stores.base.accounts.users import NewUser

ANN = "ann@example.org"


def register(client: FlaskClient, **changes: str) -> TestResponse:
    body = {"email": ANN, "password": PASSWORD, "name": "Ann", **changes}
    return client.post("/api/auth/register", json=body)


def wrong_fields(response: TestResponse) -> list[str]:
    assert response.status_code == 422, response.text
    return list(response.get_json()["errors"])


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password1!",
        "QWERTYUIOP",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44",  # in wide letters
        "iloveyou",
        "aaaaaaaaaa",
        "abababababab",
        "abcdefghij",
        "987654321",
        ANN,
        "ANN@Example.org",
        "example.org",
        "Charla-2026",
        "charlacharla",
        "Grace Hopper 1",
    ],
)
def test_what_is_guessed_first_is_no_password(client: FlaskClient, password: str) -> None:
    assert wrong_fields(register(client, password=password, name="Grace Hopper")) == ["password"]


def test_a_password_is_not_changed_to_what_is_guessed_first(
    client: FlaskClient, account: Account
) -> None:
    body = {"current": PASSWORD, "new": "password1"}

    refused = client.post("/api/auth/password", json=body, headers=account.headers)

    assert wrong_fields(refused) == ["new"]


def test_the_password_of_the_documents_is_refused_in_production(make_app: MakeApp) -> None:
    secret = "qH7rT2mVx9LpKc4ZsW8eYbNfJd3GuAaR"
    app = make_app(APP_ENV="production", JWT_SECRET_KEY=secret, REGISTRATION="open")
    client = app.test_client()

    for example in EXAMPLE_PASSWORDS:
        assert wrong_fields(register(client, password=example)) == ["password"]
    assert register(client).status_code == 201


@pytest.mark.parametrize(
    "email",
    [
        "a\u200bnn@example.org",
        "ann\u3164@example.org",
        "ann\u115f@example.org",
        "ann\u202e@example.org",
        "ann\u00ad@example.org",
        "ann\u00a0@example.org",
        "ann\u2003b@example.org",
        "ann\ufe0f@example.org",
        "ann@exam\u200bple.org",
        "ann@xn--zzzzzz-.example",
        '"ann"@example.org',
        '"an.n"@example.org',
        '"a@n\\n"@example.org',
        f"{'ä' * 33}@example.org",
        f"ann@{'ä' * 62}.{'ä' * 62}.example",
    ],
)
def test_an_address_that_people_cannot_see_or_mail_cannot_carry_is_refused(
    client: FlaskClient, email: str
) -> None:
    assert wrong_fields(register(client, email=email)) == ["email"]


@pytest.mark.parametrize(
    "email",
    [
        "ann+charla@example.org",
        "ünal@bücher.example",
        "ann@xn--bcher-kva.example",
        '"a@nn"@example.org',
    ],
)
def test_an_address_that_mail_can_carry_is_taken_as_it_was_typed(
    client: FlaskClient, email: str
) -> None:
    assert register(client, email=email).get_json()["user"]["email"] == email


@pytest.mark.parametrize(
    "name", ["Ann\n", "An\tn", "A\u202ennA", "\u200b", "\u3164", "Ann\u200d", "\u2028"]
)
def test_a_name_that_shows_other_than_it_is_is_refused(client: FlaskClient, name: str) -> None:
    assert wrong_fields(register(client, name=name)) == ["name"]


@pytest.mark.parametrize(
    "name",
    ["", "Ann Ö", "👩\u200d💻 Ann", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "山田 太郎"],
)
def test_a_name_in_any_script_is_taken(client: FlaskClient, name: str) -> None:
    assert register(client, name=name).get_json()["user"]["name"] == name


def test_an_account_that_was_made_under_other_rules_still_logs_in(app: Flask) -> None:
    services = app.extensions["charla"]
    older = NewUser(
        id=str(uuid7()),
        email="ann\u3164@example.org",
        name="Ann\u200b",
        password_hash=services.identity.passwords.hash("password"),
        created_at=datetime.now(UTC),
    )
    services.store.users.add(older)

    body = {"email": older.email, "password": "password"}
    response = app.test_client().post("/api/auth/login", json=body)

    assert response.status_code == 200, response.text
    assert response.get_json()["user"]["id"] == older.id

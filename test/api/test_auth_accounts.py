"""Registration, login, the account itself and its password."""

import pytest
from flask.testing import FlaskClient

PASSWORD = "correct horse battery staple"


def post(client: FlaskClient, path: str, **body: object) -> tuple[int, dict[str, object]]:
    response = client.post(f"/api/auth/{path}", json=body)
    return response.status_code, response.get_json()


def test_a_registration_answers_with_tokens_and_the_account(client: FlaskClient) -> None:
    response = client.post(
        "/api/auth/register", json={"email": "Ann@Example.org", "password": PASSWORD, "name": "Ann"}
    )

    body = response.get_json()
    assert response.status_code == 201
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 900
    assert set(body["user"]) == {"id", "email", "name", "tenant_id", "role"}
    assert body["user"]["email"] == "Ann@Example.org"
    assert body["user"]["name"] == "Ann"
    assert response.headers["Cache-Control"] == "no-store"


def test_the_first_account_is_the_admin_and_the_next_is_not(client: FlaskClient) -> None:
    _, first = post(client, "register", email="a@example.org", password=PASSWORD)
    _, second = post(client, "register", email="b@example.org", password=PASSWORD)

    assert first["user"]["role"] == "admin"  # type: ignore[index]  # JSON of our own
    assert second["user"]["role"] == "member"  # type: ignore[index]  # the same
    assert first["user"]["name"] is None  # type: ignore[index]  # the same


def test_an_address_is_taken_whatever_its_case(client: FlaskClient) -> None:
    post(client, "register", email="ann@example.org", password=PASSWORD)

    status, problem = post(client, "register", email="ANN@example.org", password=PASSWORD)

    assert (status, problem["code"]) == (409, "email_taken")


def test_a_login_compares_the_address_without_case(client: FlaskClient) -> None:
    post(client, "register", email="ann@example.org", password=PASSWORD)

    status, body = post(client, "login", email="Ann@EXAMPLE.org", password=PASSWORD)

    assert status == 200
    assert body["user"]["email"] == "ann@example.org"  # type: ignore[index]  # JSON of our own


def test_a_login_does_not_tell_which_part_was_wrong(client: FlaskClient) -> None:
    post(client, "register", email="ann@example.org", password=PASSWORD)

    wrong_password = post(client, "login", email="ann@example.org", password="wrong")
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
    body = {"email": "ann@example.org", "password": PASSWORD, field: value}

    status, problem = post(client, "register", **body)

    assert (status, problem["code"]) == (422, "invalid_request")
    assert list(problem["errors"]) == [field]  # type: ignore[call-overload]  # JSON of our own


@pytest.mark.parametrize("password", ["eight888", "x" * 128, "  spaces  stay  ", "pässwörd-日本"])
def test_a_password_is_kept_as_it_is(client: FlaskClient, password: str) -> None:
    status, _ = post(client, "register", email="ann@example.org", password=password)
    assert status == 201

    assert post(client, "login", email="ann@example.org", password=password)[0] == 200
    assert post(client, "login", email="ann@example.org", password=password.strip("8 "))[0] == (
        401 if password != password.strip("8 ") else 200
    )


def test_me_is_the_account_of_the_token(client: FlaskClient, register) -> None:
    ann, bob = register("ann@example.org"), register("bob@example.org")

    mine = client.get("/api/auth/me", headers=bob.headers)

    assert mine.get_json() == bob.tokens["user"]
    assert mine.get_json() != ann.tokens["user"]

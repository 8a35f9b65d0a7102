"""Which access tokens are accepted: ours, whole, unchanged and in time; all others are a 401."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import pytest
from api.accounts import Account, MakeApp, bearer, sign_up
from flask import Flask
from flask.testing import FlaskClient

from routes.hooks.authentication import Guard, TokenRules
from services.domain.errors.requests import Unauthorized

SECRET = "qH7rT2mVx9LpKc4ZsW8eYbNfJd3GuAaR"

Forge = Callable[[Mapping[str, Any]], str]


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    """Give a client of an application whose secret these tests know."""
    return make_app(JWT_SECRET_KEY=SECRET, JWT_LEEWAY_SECONDS="30").test_client()


@pytest.fixture
def claims(client: FlaskClient) -> dict[str, Any]:
    """Give the claims of a valid token of a living login."""
    token = sign_up(client).tokens["access_token"]
    return jwt.decode(token, SECRET, algorithms=["HS256"], audience="charla")


def signed(claims: Mapping[str, Any], key: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(dict(claims), key, algorithm=algorithm)


def unsigned(claims: Mapping[str, Any], algorithm: str) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


def test_a_token_says_who_and_from_which_login(claims: dict[str, Any]) -> None:
    assert claims["iss"] == claims["aud"] == "charla"
    assert claims["exp"] - claims["iat"] == 900
    assert {"sub", "tenant_id", "role", "login"} <= set(claims)


def test_a_forged_but_true_token_counts(client: FlaskClient, claims: dict[str, Any]) -> None:
    assert client.get("/api/auth/me", headers=bearer(signed(claims))).status_code == 200


def test_a_token_still_counts_after_the_clock_was_set_back(
    client: FlaskClient, claims: dict[str, Any]
) -> None:
    in_an_hour = {**claims, "iat": claims["iat"] + 3600, "exp": claims["exp"] + 3600}

    assert "nbf" not in claims
    assert client.get("/api/auth/me", headers=bearer(signed(in_an_hour))).status_code == 200


FORGERIES: dict[str, Forge] = {
    "another key": lambda claims: signed(claims, SECRET[::-1]),
    "another algorithm": lambda claims: signed(claims, SECRET * 2, "HS512"),
    "no algorithm": lambda claims: unsigned(claims, "none"),
    "no algorithm, in capitals": lambda claims: unsigned(claims, "NONE"),
    "no signature": lambda claims: unsigned(claims, "HS256"),
    "another audience": lambda claims: signed({**claims, "aud": "other"}),
    "another issuer": lambda claims: signed({**claims, "iss": "other"}),
    "expired": lambda claims: signed({**claims, "exp": time.time() - 31}),
    "not yet good": lambda claims: signed({**claims, "nbf": time.time() + 90}),
    "a word as its end": lambda claims: signed({**claims, "exp": "tomorrow"}),
    "a refresh token": lambda claims: signed({**claims, "type": "refresh"}),
    "a role that is none": lambda claims: signed({**claims, "role": "root"}),
    "a list as its role": lambda claims: signed({**claims, "role": ["admin"]}),
    "a number as its user": lambda claims: signed({**claims, "sub": 1}),
    "a login of nobody": lambda claims: signed({**claims, "login": "x"}),
    "a login with NUL": lambda claims: signed({**claims, "login": "\0"}),
    **{
        f"no {name}": lambda claims, name=name: signed(  # type: ignore[misc]  # bound per name
            {key: value for key, value in claims.items() if key != name}
        )
        for name in ("sub", "exp", "iss", "aud", "login", "tenant_id", "role")
    },
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_bad_token_is_refused(client: FlaskClient, claims: dict[str, Any], forge: Forge) -> None:
    response = client.get("/api/auth/me", headers=bearer(forge(claims)))

    assert response.status_code == 401
    assert response.get_json()["code"] == "unauthorized"
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer \xff\xfe",
        "Bearer " + "[" * 3000,
        "Bearer " + base64.urlsafe_b64encode(b"[" * 2000).decode() + ".e30.x",
        "Bearer " + "a" * 5000,
        "Basic YW5uOnNlY3JldA==",
        "Token x",
    ],
)
def test_a_header_that_is_no_token_is_refused(client: FlaskClient, header: str) -> None:
    response = client.get("/api/auth/me", headers={"Authorization": header})

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_another_transport_may_hand_over_what_is_no_text() -> None:
    app = Flask("bare")
    rules = TokenRules(secret=SECRET, lifetime_seconds=60, leeway_seconds=0)
    guard = Guard(app, rules, lambda _: True)

    with app.app_context(), pytest.raises(Unauthorized):
        guard.authenticate("\ud800.a.b")


def test_a_token_in_the_address_does_not_count(client: FlaskClient) -> None:
    token = sign_up(client).tokens["access_token"]

    assert client.get(f"/api/auth/me?access_token={token}").status_code == 401


def test_the_scheme_is_read_without_case(client: FlaskClient) -> None:
    token = sign_up(client).tokens["access_token"]

    headers = {"Authorization": f"bearer {token}"}

    assert client.get("/api/auth/me", headers=headers).status_code == 200


def test_clocks_may_differ_by_the_leeway(client: FlaskClient, claims: dict[str, Any]) -> None:
    just_expired = signed({**claims, "exp": time.time() - 5})

    assert client.get("/api/auth/me", headers=bearer(just_expired)).status_code == 200


def test_a_bad_token_is_told_before_a_bad_body(client: FlaskClient) -> None:
    response = client.post("/api/auth/password", data=b"{", content_type="application/json")

    assert response.status_code == 401


def test_the_token_of_another_installation_does_not_count(
    account: Account, make_app: MakeApp
) -> None:
    other = make_app().test_client()

    assert other.get("/api/auth/me", headers=account.headers).status_code == 401

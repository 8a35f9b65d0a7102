"""Which tokens of Supabase Auth are accepted, for how long, and with what settings."""

import time
from collections.abc import Callable

import jwt
import pytest
from api.accounts import bearer, sign_up
from api.calls import refused
from api.key_server import KeyServer
from api.supabase_users import (
    EC,
    RSA,
    THEIRS,
    USER_ID,
    Claims,
    Forge,
    MakeSupabaseApp,
    me,
    secretly,
    with_header,
    with_hmac,
)
from flask import Flask
from flask.testing import FlaskClient
from worlds.other_parts import JWT_SECRET as OURS
from worlds.patience import eventually

KINDS: dict[str, Forge] = {
    "ES256": EC.sign,
    "RS256": RSA.sign,
    "HS256": secretly,
    "put together": lambda claims: with_header(claims, kid="ec"),
    "put together with the secret": lambda claims: with_hmac(claims, THEIRS.encode()),
}


@pytest.mark.parametrize("sign", KINDS.values(), ids=KINDS)
def test_a_token_of_each_kind_counts(client: FlaskClient, claims: Claims, sign: Forge) -> None:
    known = me(client, sign(claims))

    assert set(known) == {"id", "email", "name", "tenant_id", "role"}
    assert known["id"] == USER_ID
    assert (known["email"], known["name"]) == ("ann@example.org", "Ann of Supabase")
    assert known["role"] == "member"


def test_our_claims_signed_with_their_secret_are_refused(client: FlaskClient) -> None:
    account = sign_up(client)
    ours = jwt.decode(account.tokens["access_token"], OURS, algorithms=["HS256"], audience="charla")

    response = client.get("/api/auth/me", headers=bearer(secretly(ours)))

    refused(response, 401, "unauthorized")


def test_without_the_secret_only_the_keys_count(
    make_supabase_app: MakeSupabaseApp, claims: Claims
) -> None:
    client = make_supabase_app(secret=None).test_client()

    for key in (THEIRS, OURS, "None", ""):
        response = client.get("/api/auth/me", headers=bearer(with_hmac(claims, key.encode())))
        refused(response, 401, "unauthorized")
    assert me(client, EC.sign(claims))["id"] == USER_ID


def test_without_a_project_its_tokens_are_refused(
    make_app: Callable[..., Flask], claims: Claims
) -> None:
    client = make_app(JWT_SECRET_KEY=OURS).test_client()

    for token in (EC.sign(claims), secretly(claims), secretly(claims, OURS)):
        refused(client.get("/api/auth/me", headers=bearer(token)), 401, "unauthorized")


def test_clocks_may_differ_by_the_leeway(
    make_supabase_app: MakeSupabaseApp, claims: Claims
) -> None:
    just_expired = EC.sign({**claims, "exp": int(time.time()) - 10})

    assert me(make_supabase_app(leeway=60).test_client(), just_expired)["id"] == USER_ID


def test_a_token_that_counted_ends_when_it_expires(
    make_supabase_app: MakeSupabaseApp, claims: Claims
) -> None:
    client = make_supabase_app(leeway=0).test_client()
    token = EC.sign({**claims, "exp": int(time.time()) + 2})
    headers = bearer(token)
    me(client, token)

    eventually(lambda: client.get("/api/auth/me", headers=headers).status_code == 401)


def test_a_project_that_cannot_be_reached_is_not_the_users_fault(
    project: KeyServer, client: FlaskClient, claims: Claims
) -> None:
    project.status = 503

    refused(client.get("/api/auth/me", headers=bearer(EC.sign(claims))), 503, "unavailable")
    assert me(client, secretly(claims))["id"] == USER_ID
    assert client.get("/api/auth/me", headers=sign_up(client).headers).status_code == 200

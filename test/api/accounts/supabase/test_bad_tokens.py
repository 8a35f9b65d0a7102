"""Tokens that look like those of Supabase Auth and must not be accepted."""

import time

import jwt
import pytest
from api.accounts import bearer
from api.calls import refused
from api.supabase_users import (
    EC,
    RSA,
    STRANGER,
    THEIRS,
    USER_ID,
    Claims,
    Forge,
    me,
    secretly,
    unsigned,
    with_header,
    with_hmac,
)
from flask.testing import FlaskClient
from worlds.other_parts import JWT_SECRET as OURS


def without(name: str) -> Forge:
    return lambda claims: EC.sign({key: claims[key] for key in claims if key != name})


def saying(**changes: object) -> Forge:
    return lambda claims: EC.sign({**claims, **changes})


NOW = int(time.time())
KEY_OF_PROJECT = {"iss": "supabase", "ref": "abc", "iat": NOW, "exp": NOW + 10**8}

REFUSED: dict[str, Forge] = {
    "unknown key id": STRANGER.sign,
    "no key id": with_header,
    "a number as key id": lambda claims: with_header(claims, kid=5),
    "a list of key ids": lambda claims: with_header(claims, kid=["ec"]),
    "another key under a known id": lambda claims: STRANGER.sign(claims, kid="ec"),
    "the id of a key of another kind": lambda claims: EC.sign(claims, kid="rsa"),
    "the other way round": lambda claims: RSA.sign(claims, kid="ec"),
    "a cut signature": lambda claims: EC.sign(claims)[:-8],
    "no signature": lambda claims: EC.sign(claims).rpartition(".")[0] + ".",
    "its own key in the header": lambda claims: STRANGER.sign(claims, jwk=STRANGER.jwk()),
    "RS512": lambda claims: jwt.encode(claims, RSA.private, "RS512", headers={"kid": "rsa"}),
    "PS256": lambda claims: jwt.encode(claims, RSA.private, "PS256", headers={"kid": "rsa"}),
    "HS256 with another secret": lambda claims: secretly(claims, THEIRS[::-1]),
    "HS256 with our secret": lambda claims: secretly(claims, OURS),
    "HS512 with the secret": lambda claims: secretly(claims, THEIRS * 2, "HS512"),
    "HS256 with a public key": lambda claims: with_hmac(claims, RSA.pem()),
    "HS256 with a public key's modulus": lambda claims: secretly(claims, RSA.jwk()["n"]),
    "alg none": unsigned,
    "alg none and a key id": lambda claims: unsigned(claims, kid="ec"),
    "alg NONE and a key id": lambda claims: unsigned(claims, alg="NONE", kid="ec"),
    "another audience": saying(aud="anon"),
    "other audiences": saying(aud=["charla", "x"]),
    "our audience": saying(aud="charla"),
    "another project": saying(iss="https://other.supabase.co/auth/v1"),
    "the issuer with a slash": lambda claims: EC.sign({**claims, "iss": claims["iss"] + "/"}),
    "our issuer": saying(iss="charla"),
    "a list with the issuer": lambda claims: with_header(
        {**claims, "iss": [claims["iss"]]}, kid="ec"
    ),
    "expired": saying(exp=NOW - 60),
    "a word as its end": saying(exp="tomorrow"),
    "an end beyond all numbers": saying(exp=float("inf")),
    "not yet good": saying(nbf=NOW + 9000),
    "made in the future": saying(iat=NOW + 9000),
    **{f"no {name}": without(name) for name in ("exp", "sub", "aud", "iss", "role")},
    "no text as its user": lambda claims: with_header({**claims, "sub": 5}, kid="ec"),
    "a user that is no UUID": saying(sub="ann"),
    "a user in capitals": saying(sub=USER_ID.upper()),
    "a user with NUL": saying(sub=USER_ID + "\0"),
    "an empty user": saying(sub=""),
    "the role anon": saying(role="anon"),
    "the role service_role": saying(role="service_role"),
    "a list of roles": saying(role=["authenticated"]),
    "the key anon": lambda _: secretly({**KEY_OF_PROJECT, "role": "anon"}),
    "the key service_role": lambda _: secretly({**KEY_OF_PROJECT, "role": "service_role"}),
    "the key service_role of this issuer": lambda claims: secretly(
        {**KEY_OF_PROJECT, "role": "service_role", "iss": claims["iss"]}
    ),
    "the key service_role with a user": lambda claims: secretly({**claims, "role": "service_role"}),
}


@pytest.mark.parametrize("forge", REFUSED.values(), ids=REFUSED)
def test_a_bad_token_is_refused(client: FlaskClient, claims: Claims, forge: Forge) -> None:
    me(client, EC.sign(claims))

    response = client.get("/api/auth/me", headers=bearer(forge(claims)))

    refused(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"

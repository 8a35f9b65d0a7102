"""Users of Supabase Auth: the tokens that their project signs, and tokens that are forged."""

import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from api.accounts import Account, bearer
from api.calls import ApiUser
from api.key_server import ec_key, rsa_key
from flask import Flask
from flask.testing import FlaskClient
from jwt.utils import base64url_encode

THEIRS = "Zr4kT9wQm2XvL7pHc5NyB8sJd3GfUeAo"
EC, RSA, STRANGER = ec_key("ec"), rsa_key("rsa"), ec_key("stranger")
USER_ID = "7c3f7f0e-3c0b-4d53-9a65-0d4a4e0f2b11"
SESSION_ID = "0a3de1f7-8f0e-4c0c-8a5e-0a7c1b9c1e55"

Claims = dict[str, Any]
Forge = Callable[[Claims], str]
MakeSupabaseApp = Callable[..., Flask]


def secretly(claims: Mapping[str, Any], key: str | bytes = THEIRS, algorithm: str = "HS256") -> str:
    """Sign with a secret, under the id of a key that the project has."""
    return jwt.encode(dict(claims), key, algorithm=algorithm, headers={"kid": EC.id})


def put_together(
    header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]
) -> str:
    """Make what PyJWT refuses to make."""
    head, body = (base64url_encode(json.dumps(part).encode()) for part in (header, claims))
    return b".".join((head, body, base64url_encode(sign(head + b"." + body)))).decode()


def with_hmac(claims: Claims, key: bytes) -> str:
    """Sign with any bytes as the secret, though they are those of a public key."""
    header = {"alg": "HS256", "kid": RSA.id}
    return put_together(header, claims, lambda text: hmac.digest(key, text, "sha256"))


def unsigned(claims: Claims, **header: str) -> str:
    """Say that there is no signature."""
    return put_together({"alg": "none", **header}, claims, lambda _: b"")


def with_header(claims: Claims, **header: object) -> str:
    """Sign a token with any header, which PyJWT would check."""
    return put_together({"alg": "ES256", **header}, claims, EC.sign_bytes)


def me(client: FlaskClient, token: str) -> Any:
    """Ask whose token it is, which must count."""
    response = client.get("/api/auth/me", headers=bearer(token))
    assert response.status_code == 200, response.text
    return response.get_json()


def user_of(client: FlaskClient, token: str, email: str = "") -> ApiUser:
    """Give the calls of a token's user."""
    return ApiUser(client, Account(email, {"access_token": token, "user": {"id": USER_ID}}))

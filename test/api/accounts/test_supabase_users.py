"""Users of Supabase Auth: their tokens count wherever ours do, and only theirs."""

import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jwt
import pytest
from api.accounts import Account, bearer, sign_up
from api.calls import ApiUser, refused
from api.key_server import PATH, KeyServer, ec_key, rsa_key
from flask import Flask
from flask.testing import FlaskClient
from jwt.utils import base64url_encode
from worlds.other_parts import JWT_SECRET as OURS
from worlds.other_parts import app_with
from worlds.patience import eventually

from services.identity.key_set import KeySet, KeySetTimes
from services.identity.supabase_tokens import SupabaseRules, SupabaseTokens
from services.worker.services import Services

THEIRS = "zyxwvutsrqponmlkjihgfedcba9876543210"
EC, RSA, STRANGER = ec_key("ec"), rsa_key("rsa"), ec_key("stranger")
USER_ID = "7c3f7f0e-3c0b-4d53-9a65-0d4a4e0f2b11"
SESSION_ID = "0a3de1f7-8f0e-4c0c-8a5e-0a7c1b9c1e55"

Claims = dict[str, Any]
Forge = Callable[[Claims], str]
MakeSupabaseApp = Callable[..., Flask]


@pytest.fixture
def project() -> Iterator[KeyServer]:
    """Give a project that signs with two keys."""
    with KeyServer(EC, RSA) as server:
        yield server


@pytest.fixture
def make_supabase_app(project: KeyServer, tmp_path: Path) -> Iterator[MakeSupabaseApp]:
    """Build the application over the embedded store, with users of the project."""
    with ExitStack() as stack:

        def make(secret: str | None = THEIRS, leeway: float = 30) -> Flask:
            def parts(services: Services) -> dict[str, Any]:
                rules = SupabaseRules(url=project.url, secret=secret, leeway_seconds=leeway)
                keys = KeySet(project.url + PATH, KeySetTimes(fetch=2, pause=3600))
                tenant_id = services.store.users.tenant_id
                return {"supabase_tokens": SupabaseTokens(rules, keys, tenant_id)}

            return stack.enter_context(app_with(parts, tmp_path))

        yield make


@pytest.fixture
def client(make_supabase_app: MakeSupabaseApp) -> FlaskClient:
    """Give a client of the application."""
    return make_supabase_app().test_client()


@pytest.fixture
def claims(project: KeyServer) -> Claims:
    """Give what a token of Supabase Auth says."""
    now = int(time.time())
    return {
        "iss": f"{project.url}/auth/v1",
        "sub": USER_ID,
        "aud": "authenticated",
        "exp": now + 3600,
        "iat": now,
        "email": "ann@example.org",
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {"full_name": "Ann of Supabase"},
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": now}],
        "session_id": SESSION_ID,
        "is_anonymous": False,
    }


def secretly(claims: Mapping[str, Any], key: str | bytes = THEIRS, algorithm: str = "HS256") -> str:
    return jwt.encode(dict(claims), key, algorithm=algorithm, headers={"kid": EC.id})


def put_together(
    header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]
) -> str:
    """Make what PyJWT refuses to make."""
    head, body = (base64url_encode(json.dumps(part).encode()) for part in (header, claims))
    return b".".join((head, body, base64url_encode(sign(head + b"." + body)))).decode()


def with_hmac(claims: Claims, key: bytes) -> str:
    header = {"alg": "HS256", "kid": RSA.id}
    return put_together(header, claims, lambda text: hmac.digest(key, text, "sha256"))


def unsigned(claims: Claims, **header: str) -> str:
    return put_together({"alg": "none", **header}, claims, lambda _: b"")


def with_header(claims: Claims, **header: object) -> str:
    return put_together({"alg": "ES256", **header}, claims, EC.sign_bytes)


def me(client: FlaskClient, token: str) -> Any:
    response = client.get("/api/auth/me", headers=bearer(token))
    assert response.status_code == 200, response.text
    return response.get_json()


def user_of(client: FlaskClient, token: str, email: str = "") -> ApiUser:
    return ApiUser(client, Account(email, {"access_token": token, "user": {"id": USER_ID}}))


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


def test_what_users_say_of_themselves_gives_them_nothing(
    client: FlaskClient, claims: Claims
) -> None:
    installation = sign_up(client).tokens["user"]["tenant_id"]
    wish = {"tenant_id": USER_ID, "role": "admin", "name": "Root", "email": "root@example.org"}

    known = me(client, EC.sign({**claims, "user_metadata": wish, "app_metadata": wish}))

    assert (known["tenant_id"], known["role"]) == (installation, "member")
    assert (known["email"], known["name"]) == ("ann@example.org", "Root")


@pytest.mark.parametrize(
    "changes",
    [
        {"is_anonymous": True, "email": "", "user_metadata": {}, "app_metadata": {}},
        {"email": None, "user_metadata": None, "session_id": None},
        {"email": 5, "user_metadata": {"full_name": 5, "name": ["x"]}, "session_id": {}},
    ],
    ids=["anonymous", "nothing", "nonsense"],
)
def test_a_user_may_have_neither_address_nor_name(
    client: FlaskClient, claims: Claims, changes: Claims
) -> None:
    known = me(client, EC.sign({**claims, **changes}))

    assert (known["id"], known["email"], known["name"]) == (USER_ID, None, None)


def test_logins_and_passwords_of_supabase_are_not_ours_to_change(
    client: FlaskClient, claims: Claims
) -> None:
    ann = user_of(client, EC.sign(claims))
    change = {"current": "correct horse battery staple", "new": "another long sentence"}

    problem = refused(ann.post("/api/auth/logout"), 409, "external_account")
    refused(ann.post("/api/auth/password", change), 409, "external_account")

    assert "Supabase Auth" in problem["detail"]
    assert ann.get("/api/auth/me").status_code == 200


def test_a_user_of_supabase_chats_as_any_other(client: FlaskClient, claims: Claims) -> None:
    ann = user_of(client, EC.sign(claims))

    session = ann.new_session(title="Mine")
    answer = ann.ask(session, "one two three")

    assert answer.terminal is not None
    assert answer.terminal["type"] == "done"
    assert ann.json(f"/sessions/{session}")["user_id"] == USER_ID
    assert [message["role"] for message in ann.messages(session)] == ["user", "assistant"]
    assert ann.delete(f"/sessions/{session}").status_code == 204


def test_the_same_address_is_no_link_to_a_local_account(
    client: FlaskClient, claims: Claims
) -> None:
    local = ApiUser(client, sign_up(client, "ann@example.org"))
    external = user_of(client, EC.sign(claims), "ann@example.org")
    of_local, of_external = local.new_session(), external.new_session()

    assert me(client, EC.sign(claims))["id"] != local.account.id
    for who, own, foreign in (
        (local, of_local, of_external),
        (external, of_external, of_local),
    ):
        assert [one["id"] for one in who.json("/sessions")["items"]] == [own]
        for path in (f"/sessions/{foreign}", f"/sessions/{foreign}/messages"):
            refused(who.get(path), 404, "not_found")
        refused(who.post(f"/sessions/{foreign}/stream", {"content": "Hi"}), 404, "not_found")
        refused(who.delete(f"/sessions/{foreign}"), 404, "not_found")


def test_two_users_of_supabase_see_nothing_of_each_other(
    client: FlaskClient, claims: Claims
) -> None:
    ann = user_of(client, EC.sign(claims))
    bob = user_of(client, RSA.sign({**claims, "sub": SESSION_ID}))
    session = ann.new_session()

    refused(bob.get(f"/sessions/{session}"), 404, "not_found")
    assert bob.json("/sessions")["items"] == []

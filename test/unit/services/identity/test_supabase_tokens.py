"""Tokens of a project, judged without an application around them."""

import json
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from api.key_server import PATH, KeyServer, ec_key

from services.domain.errors.outages import StoreUnavailable
from services.domain.errors.requests import Unauthorized
from services.domain.users import ExternalUser, Role
from services.identity.key_set import KeySet
from services.identity.supabase_tokens import SupabaseRules, SupabaseTokens

KEY = ec_key("ec")
USER_ID = "7c3f7f0e-3c0b-4d53-9a65-0d4a4e0f2b11"
TENANT_ID = "01a1f8cf-0000-7000-8000-000000000000"


@pytest.fixture
def project() -> Iterator[KeyServer]:
    """Give a project that signs with one key."""
    with KeyServer(KEY) as server:
        yield server


class Tenants:
    """A store's answer to the question for the tenant; at first it is away."""

    def __init__(self, failures: int = 0) -> None:
        """Fail so often."""
        self.asked = 0
        self._failures = failures

    def __call__(self) -> str:
        """Answer, or fail as a store does."""
        self.asked += 1
        if self.asked <= self._failures:
            raise StoreUnavailable
        return TENANT_ID


def tokens_of(project: KeyServer, tenants: Tenants | None = None) -> SupabaseTokens:
    rules = SupabaseRules(url=project.url, secret=None, leeway_seconds=30)
    return SupabaseTokens(rules, KeySet(project.url + PATH), tenants or Tenants())


def claims_of(project: KeyServer, **changes: Any) -> dict[str, Any]:
    known = {
        "iss": f"{project.url}/auth/v1",
        "sub": USER_ID,
        "aud": "authenticated",
        "exp": int(time.time()) + 3600,
        "role": "authenticated",
        "session_id": "a login",
    }
    return {**known, **changes}


def test_a_caller_is_who_the_token_says_in_the_tenant_of_the_installation(
    project: KeyServer,
) -> None:
    claims = claims_of(project)

    verified = tokens_of(project).verify(KEY.sign(claims))
    caller, good_until = verified.caller, verified.good_until

    assert (caller.user_id, caller.tenant_id, caller.login_id) == (USER_ID, TENANT_ID, "a login")
    assert caller.role is Role.MEMBER
    assert caller.external == ExternalUser(
        id=USER_ID,
        tenant_id=TENANT_ID,
        email=None,
        name=None,
        role=Role.MEMBER,
        manager="Supabase Auth",
    )
    assert good_until == claims["exp"] + 30


@pytest.mark.parametrize("issuer", ["charla", "supabase", "https://other.supabase.co/auth/v1", ""])
def test_a_token_of_another_issuer_is_refused_whoever_chose_this_judge(
    project: KeyServer, issuer: str
) -> None:
    with pytest.raises(Unauthorized):
        tokens_of(project).verify(KEY.sign(claims_of(project, iss=issuer)))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "\ud800.a.b", "\0", "[" * 5000])
def test_what_is_no_token_is_refused(project: KeyServer, token: str) -> None:
    with pytest.raises(Unauthorized):
        tokens_of(project).verify(token)


@pytest.mark.parametrize("name", ["alg", "kid", "typ", "crit", "b64"])
def test_a_head_of_odd_types_is_refused(project: KeyServer, name: str) -> None:
    head, claims, signature = KEY.sign(claims_of(project)).split(".")
    for odd in (None, 5, [], ["ES256"], {}, {"alg": "ES256"}, 10**400, "\ud800", "x" * 5000):
        other = json.loads(b64decode(head + "==")) | {name: odd}
        written = urlsafe_b64encode(json.dumps(other).encode()).rstrip(b"=").decode()
        with pytest.raises(Unauthorized):
            tokens_of(project).verify(f"{written}.{claims}.{signature}")


@pytest.mark.parametrize("head", [b"[]", b"null", b"5", b"\xff", b"[" * 5000, b'{"alg":1e999}'])
def test_a_head_that_is_no_object_is_refused(project: KeyServer, head: bytes) -> None:
    _, claims, signature = KEY.sign(claims_of(project)).split(".")

    with pytest.raises(Unauthorized):
        tokens_of(project).verify(f"{urlsafe_b64encode(head).decode()}.{claims}.{signature}")


def test_the_tenant_is_asked_once(project: KeyServer) -> None:
    tenants = Tenants()
    tokens = tokens_of(project, tenants)

    for _ in range(3):
        tokens.verify(KEY.sign(claims_of(project)))

    assert tenants.asked == 1


def test_a_store_that_is_away_is_asked_again(project: KeyServer) -> None:
    tokens = tokens_of(project, Tenants(failures=1))
    token = KEY.sign(claims_of(project))

    with pytest.raises(StoreUnavailable):
        tokens.verify(token)

    assert tokens.verify(token).caller.tenant_id == TENANT_ID


def test_a_token_that_is_refused_asks_nobody(project: KeyServer) -> None:
    tenants = Tenants()

    with pytest.raises(Unauthorized):
        tokens_of(project, tenants).verify(KEY.sign(claims_of(project, aud="anon")))

    assert tenants.asked == 0

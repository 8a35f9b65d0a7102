"""Keys of Supabase Auth that rotate while users are logged in, and what the guard remembers."""

import time
from collections.abc import Iterator

import pytest
from api.key_server import PATH, KeyServer, SigningKey, ec_key, rsa_key
from flask import Flask
from worlds.patience import eventually

from routes.hooks.authentication import Guard, TokenRules
from services.domain.errors.requests import Unauthorized
from services.identity.key_set import KeySet, KeySetTimes
from services.identity.supabase_tokens import SupabaseRules, SupabaseTokens

SECRET = "qH7rT2mVx9LpKc4ZsW8eYbNfJd3GuAaR"
USER_ID = "7c3f7f0e-3c0b-4d53-9a65-0d4a4e0f2b11"
OLD, NEW = ec_key("old"), rsa_key("new")
OFTEN = KeySetTimes(fetch=2, refresh=0.02, pause=0.02, retry=0.02)


@pytest.fixture
def project() -> Iterator[KeyServer]:
    """Give a project that signs with one key."""
    with KeyServer(OLD) as server:
        yield server


def guard_of(project: KeyServer, times: KeySetTimes, trust_seconds: float) -> Guard:
    rules = SupabaseRules(url=project.url, secret=None, leeway_seconds=0)
    tokens = SupabaseTokens(rules, KeySet(project.url + PATH, times), lambda: "tenant")
    ours = TokenRules(
        secret=SECRET, lifetime_seconds=60, leeway_seconds=0, trust_seconds=trust_seconds
    )
    return Guard(Flask("bare"), ours, lambda _: False, tokens)


def token_of(project: KeyServer, key: SigningKey) -> str:
    return key.sign(
        {
            "iss": f"{project.url}/auth/v1",
            "sub": USER_ID,
            "aud": "authenticated",
            "exp": int(time.time()) + 3600,
            "role": "authenticated",
        }
    )


def counts(guard: Guard, token: str) -> bool:
    try:
        return guard.authenticate(token).user_id == USER_ID
    except Unauthorized:
        return False


def test_a_token_of_a_new_key_counts_and_one_of_a_withdrawn_key_does_no_more(
    project: KeyServer,
) -> None:
    guard = guard_of(project, OFTEN, trust_seconds=0.02)
    old, new = token_of(project, OLD), token_of(project, NEW)
    assert counts(guard, old)
    assert not counts(guard, new)

    project.publish(NEW)

    eventually(lambda: counts(guard, new))
    eventually(lambda: not counts(guard, old))


def test_a_token_that_was_found_good_is_not_checked_at_every_request(project: KeyServer) -> None:
    guard = guard_of(project, OFTEN, trust_seconds=3600)
    token = token_of(project, OLD)
    callers = [guard.authenticate(token) for _ in range(3)]

    assert callers[0] is callers[1] is callers[2]
    assert project.fetches == 1


def test_a_stream_of_such_a_caller_goes_on_without_a_login_of_ours(project: KeyServer) -> None:
    guard = guard_of(project, OFTEN, trust_seconds=3600)

    caller = guard.authenticate(token_of(project, OLD))

    assert guard.may_go_on(caller)()

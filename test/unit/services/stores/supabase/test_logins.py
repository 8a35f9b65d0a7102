"""What is remembered of logins, and when it is forgotten."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from stack.supabase_stack import SupabaseStack
from worlds.stores import NOW, WORKER, later, new_id

from services.stores.base.accounts.logins import Login, RefreshToken
from services.stores.supabase.access.connection import ConnectionLimits
from services.stores.supabase.live_logins import LiveLogins
from services.stores.supabase.store import SupabaseStore

GRACE = timedelta(seconds=30)


def token(name: str, seconds: float = 0) -> RefreshToken:
    """Describe a token."""
    return RefreshToken(name, later(seconds), later(seconds + 86_400))


@pytest.fixture
def other(supabase: SupabaseStack) -> Iterator[SupabaseStore]:
    """Give the store of another worker."""
    limits = ConnectionLimits(connections=1, reserved_connections=1)
    with closing(SupabaseStore(supabase.url, supabase.service_key, limits)) as other:
        yield other


@pytest.fixture
def login(store: SupabaseStore) -> Login:
    """Give a login that the store knows to be live."""
    login = Login(new_id(), new_id())
    store.logins.open(login, token("first"))
    assert store.logins.is_live(login.id)
    return login


def test_that_a_login_is_live_is_asked_once(
    supabase: SupabaseStack, store: SupabaseStore, login: Login
) -> None:
    supabase.requests.clear()

    assert all(store.logins.is_live(login.id) for _ in range(3))

    assert supabase.requests() == []


def test_that_a_login_is_not_live_is_asked_every_time(store: SupabaseStore) -> None:
    login = Login(new_id(), new_id())
    assert not store.logins.is_live(login.id)

    store.logins.open(login, token("late"))

    assert store.logins.is_live(login.id)


def test_what_another_worker_revoked_is_seen_after_the_next_beat(
    store: SupabaseStore, other: SupabaseStore, login: Login
) -> None:
    store.runs.beat(WORKER, [], NOW)
    other.logins.revoke(login.id)
    remembered = store.logins.is_live(login.id)

    store.runs.beat(WORKER, [], NOW)

    assert remembered
    assert not store.logins.is_live(login.id)


def test_the_first_beat_tells_what_was_revoked_before_it(
    store: SupabaseStore, other: SupabaseStore, login: Login
) -> None:
    other.logins.revoke_all(login.user_id, but=new_id())

    store.runs.beat(WORKER, [], NOW)

    assert not store.logins.is_live(login.id)


def test_a_beat_tells_nothing_that_was_revoked_long_before_the_last_one(
    supabase: SupabaseStack, store: SupabaseStore, other: SupabaseStore, login: Login
) -> None:
    store.runs.beat(WORKER, [], NOW)
    other.logins.revoke(login.id)
    supabase.sql("update logins set revoked_at = now() - interval '30 minutes'")

    store.runs.beat(WORKER, [], NOW)

    assert store.logins.is_live(login.id)


def test_what_this_worker_revokes_is_forgotten_at_once(store: SupabaseStore, login: Login) -> None:
    store.logins.revoke(login.id)

    assert not store.logins.is_live(login.id)


def test_all_logins_of_a_user_are_forgotten_with_their_end_even_if_it_was_told_before(
    store: SupabaseStore, other: SupabaseStore, login: Login
) -> None:
    kept = Login(new_id(), login.user_id)
    store.logins.open(kept, token("kept"))
    other.logins.revoke(login.id)

    store.logins.revoke_all(login.user_id, but=kept.id)

    assert [store.logins.is_live(one.id) for one in (login, kept)] == [False, True]


def test_a_login_that_ends_by_late_reuse_is_forgotten(store: SupabaseStore, login: Login) -> None:
    store.logins.rotate("first", token("second", 10), GRACE)

    assert store.logins.rotate("first", token("third", 100), GRACE) is None

    assert not store.logins.is_live(login.id)


@pytest.mark.parametrize("every", [True, False])
def test_a_login_that_was_forgotten_is_asked_again(
    store: SupabaseStore, other: SupabaseStore, login: Login, *, every: bool
) -> None:
    other.logins.revoke(login.id)

    store.logins.forget(None if every else login.id)

    assert not store.logins.is_live(login.id)


def test_only_the_logins_that_were_used_last_are_remembered() -> None:
    live = LiveLogins(2)
    for login_id in ("a", "b"):
        live.remember(login_id)
    assert "a" in live

    live.remember("c")

    assert [login_id in live for login_id in ("a", "b", "c")] == [True, False, True]

"""Logins and their refresh tokens, on every store."""

from datetime import datetime, timedelta

import pytest
from worlds.stores import NOT_IDS, NOW, UNKNOWN_ID, later, new_id

from services.stores.base.accounts.logins import Login, RefreshToken
from services.stores.base.store import Store

GRACE = timedelta(seconds=30)


def token(name: str, at: datetime = NOW, lives: timedelta = timedelta(days=30)) -> RefreshToken:
    """Describe a token that is issued at a time."""
    return RefreshToken(name, at, at + lives)


def renewed(store: Store, old: str, new: RefreshToken) -> Login | None:
    """Exchange a token, and give the login that goes on."""
    renewal = store.logins.rotate(old, new, GRACE)
    return renewal.login if renewal else None


@pytest.fixture
def login(store: Store, user_id: str) -> Login:
    """Give a login whose first token is `first`."""
    login = Login(new_id(), user_id)
    store.logins.open(login, token("first"))
    return login


def test_a_token_is_exchanged_for_the_next_one_of_its_login(store: Store, login: Login) -> None:
    assert renewed(store, "first", token("second", later(60))) == login
    assert renewed(store, "second", token("third", later(120))) == login


def test_an_unknown_token_gets_nothing(store: Store, login: Login) -> None:
    assert store.logins.rotate("unknown", token("second"), GRACE) is None
    assert store.logins.rotate("second", token("third"), GRACE) is None
    assert store.logins.is_live(login.id)


def test_grace_is_counted_from_the_first_use_not_from_the_last(store: Store, login: Login) -> None:
    store.logins.rotate("first", token("second", later(100)), GRACE)
    store.logins.rotate("first", token("third", later(120)), GRACE)

    assert store.logins.rotate("first", token("fourth", later(140)), GRACE) is None
    assert not store.logins.is_live(login.id)


def test_reuse_after_the_grace_ends_the_whole_login(store: Store, login: Login) -> None:
    store.logins.rotate("first", token("second", later(100)), GRACE)

    assert store.logins.rotate("first", token("stolen", later(131)), GRACE) is None

    assert not store.logins.is_live(login.id)
    assert store.logins.rotate("second", token("third", later(132)), GRACE) is None
    assert store.logins.rotate("stolen", token("fourth", later(132)), GRACE) is None


def test_reuse_of_a_token_that_has_also_expired_still_ends_the_login(
    store: Store, user_id: str
) -> None:
    login = Login(new_id(), user_id)
    store.logins.open(login, token("short", NOW, timedelta(seconds=10)))
    store.logins.rotate("short", token("second", later(5)), GRACE)

    assert store.logins.rotate("short", token("third", later(60)), GRACE) is None
    assert not store.logins.is_live(login.id)


def test_an_expired_token_gets_nothing_and_harms_nothing(store: Store, login: Login) -> None:
    at_its_end = NOW + timedelta(days=30)

    assert store.logins.rotate("first", token("second", at_its_end), GRACE) is None
    assert store.logins.is_live(login.id)


def test_a_revoked_login_is_over(store: Store, login: Login) -> None:
    store.logins.revoke(login.id)

    assert not store.logins.is_live(login.id)
    assert store.logins.rotate("first", token("second"), GRACE) is None


def test_revoking_all_spares_the_one_and_other_users(
    store: Store, login: Login, user_id: str
) -> None:
    kept, foreign = Login(new_id(), user_id), Login(new_id(), new_id())
    store.logins.open(kept, token("kept"))
    store.logins.open(foreign, token("foreign"))

    store.logins.revoke_all(user_id, but=kept.id)

    live = [store.logins.is_live(one.id) for one in (login, kept, foreign)]
    assert live == [False, True, True]


@pytest.mark.parametrize("login_id", [*NOT_IDS, UNKNOWN_ID])
def test_unknown_logins_are_not_live_and_revoking_them_is_ignored(
    store: Store, login: Login, login_id: str
) -> None:
    store.logins.revoke(login_id)
    store.logins.revoke_all(login_id, but=login_id)

    assert not store.logins.is_live(login_id)
    assert store.logins.is_live(login.id)


def test_a_failed_opening_leaves_neither_login_nor_token(
    store: Store, login: Login, user_id: str, broken_constraint: type[Exception]
) -> None:
    second = Login(new_id(), user_id)

    with pytest.raises(broken_constraint):
        store.logins.open(second, token("first"))

    assert not store.logins.is_live(second.id)
    assert store.logins.is_live(login.id)


def test_a_failed_exchange_leaves_the_old_token_unused(
    store: Store, login: Login, broken_constraint: type[Exception]
) -> None:
    with pytest.raises(broken_constraint):
        store.logins.rotate("first", token("first", later(10)), GRACE)

    assert renewed(store, "first", token("second", later(500))) == login


def test_purge_deletes_expired_tokens_and_logins_that_have_none_left(
    store: Store, login: Login, user_id: str
) -> None:
    short = Login(new_id(), user_id)
    store.logins.open(short, token("short", NOW, timedelta(hours=1)))

    purged = store.logins.purge(later(7200))

    assert purged == 1
    assert not store.logins.is_live(short.id)
    assert store.logins.is_live(login.id)
    assert renewed(store, "first", token("second", later(7300))) == login


def test_purge_deletes_any_number(store: Store, login: Login) -> None:
    for n in range(1100):
        following = token(f"t{n}", later(1), timedelta(seconds=60))
        store.logins.rotate(f"t{n - 1}" if n else "first", following, GRACE)

    assert store.logins.purge(later(3600)) == 1100
    assert store.logins.purge(later(3600)) == 0
    assert store.logins.is_live(login.id)

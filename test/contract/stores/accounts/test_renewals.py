"""What comes of a refresh token that comes more than once, on every store."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from worlds.stores import NOW, StoreAdapter, at_once, later, new_id

from services.stores.base.accounts.logins import Login, RefreshToken, Renewal
from services.stores.base.store import Store

GRACE = timedelta(seconds=30)


def made(seed: str, at: datetime, lives: timedelta = timedelta(days=30)) -> RefreshToken:
    """Describe the token that follows another; it is named after its seed."""
    return RefreshToken(f"of {seed}", at, at + lives, seed)


@pytest.fixture
def login(store: Store, user_id: str) -> Login:
    """Give a login whose first token is `first`."""
    login = Login(new_id(), user_id)
    store.logins.open(login, RefreshToken("first", NOW, NOW + timedelta(days=30)))
    return login


def test_a_token_that_comes_again_within_the_grace_has_the_one_successor(
    store: Store, login: Login
) -> None:
    first = store.logins.rotate("first", made("a", later(100)), GRACE)
    second = store.logins.rotate("first", made("b", later(130)), GRACE)

    assert first == second == Renewal(login, "a")
    assert store.logins.rotate("of b", made("c", later(131)), GRACE) is None
    assert store.logins.rotate("of a", made("c", later(131)), GRACE) == Renewal(login, "c")


def test_two_that_come_at_once_have_one_successor(
    store_adapter: StoreAdapter, tmp_path: Path, login: Login
) -> None:
    def use(seed: str) -> Callable[[Store], Renewal | None]:
        return lambda there: there.logins.rotate("first", made(seed, later(1)), GRACE)

    renewals = at_once(store_adapter, tmp_path / "data", [use(seed) for seed in "abcd"])

    assert len({renewal.seed for renewal in renewals if renewal}) == 1
    assert None not in renewals
    assert {renewal.login for renewal in renewals if renewal} == {login}


def test_a_successor_that_was_used_meanwhile_is_told_as_spent(store: Store, login: Login) -> None:
    store.logins.rotate("first", made("a", later(100)), GRACE)
    store.logins.rotate("of a", made("b", later(110)), GRACE)

    assert store.logins.rotate("first", made("c", later(120)), GRACE) == Renewal(
        login, "a", is_spent=True
    )


def test_a_lost_answer_is_given_again_after_the_grace_for_its_key(
    store: Store, login: Login
) -> None:
    store.logins.rotate("first", made("a", later(100)), GRACE, "key")

    again = store.logins.rotate("first", made("b", later(90_000)), GRACE, "key")

    assert again == Renewal(login, "a")
    assert store.logins.is_live(login.id)


@pytest.mark.parametrize("key", [None, "another key"])
def test_without_its_key_a_late_token_ends_the_login(
    store: Store, login: Login, key: str | None
) -> None:
    store.logins.rotate("first", made("a", later(100)), GRACE, "key")

    assert store.logins.rotate("first", made("b", later(131)), GRACE, key) is None
    assert not store.logins.is_live(login.id)


def test_a_late_token_whose_successor_was_used_ends_the_login_with_its_key_too(
    store: Store, login: Login
) -> None:
    store.logins.rotate("first", made("a", later(100)), GRACE, "key")
    store.logins.rotate("of a", made("b", later(110)), GRACE)

    assert store.logins.rotate("first", made("c", later(141)), GRACE, "key") is None
    assert not store.logins.is_live(login.id)


def test_a_successor_that_ran_out_is_not_given_again(store: Store, login: Login) -> None:
    store.logins.rotate("first", made("a", later(1), timedelta(seconds=5)), GRACE)

    assert store.logins.rotate("first", made("b", later(6)), GRACE) is None
    assert store.logins.is_live(login.id)

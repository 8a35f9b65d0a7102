"""What a login stands on: the password that was checked, and where it came from. On every store."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from worlds.stores import NOT_IDS, NOW, StoreAdapter, at_once, later, new_id

from services.domain.users import User
from services.stores.base.accounts.logins import Login, Origin, RefreshToken
from services.stores.base.accounts.users import NewUser
from services.stores.base.store import Store


def token(name: str) -> RefreshToken:
    """Describe a token."""
    return RefreshToken(name, NOW, NOW + timedelta(days=30))


@pytest.fixture
def user(store: Store) -> User:
    """Give an account whose password has the hash `hash`."""
    return store.users.add(
        NewUser(id=new_id(), email="a@example.org", name=None, password_hash="hash", created_at=NOW)
    )


def test_a_login_opens_while_its_password_is_the_accounts(store: Store, user: User) -> None:
    login = Login(new_id(), user.id)

    assert store.logins.open(login, token("one"), Origin("hash"))
    assert store.logins.is_live(login.id)


def test_a_login_of_an_old_password_does_not_open(store: Store, user: User) -> None:
    login = Login(new_id(), user.id)
    store.users.set_password(user.id, "new hash", only_if="hash")

    assert not store.logins.open(login, token("one"), Origin("hash"))

    assert not store.logins.is_live(login.id)
    assert store.logins.rotate("one", token("two"), timedelta()) is None


def test_no_login_of_an_old_password_lives_whenever_it_is_changed(
    store_adapter: StoreAdapter, tmp_path: Path, store: Store, user: User
) -> None:
    logins = [Login(new_id(), user.id) for _ in range(6)]

    def opening(login: Login) -> Callable[[Store], object]:
        return lambda there: there.logins.open(login, token(login.id), Origin("hash"))

    def change(there: Store) -> None:
        there.users.set_password(user.id, "new hash", only_if="hash")
        there.logins.revoke_all(user.id, but="")

    at_once(store_adapter, tmp_path / "data", [*map(opening, logins), change])

    store.logins.forget(None)
    assert not any(store.logins.is_live(login.id) for login in logins)


def test_the_network_of_a_login_is_known_until_its_tokens_are_purged(
    store: Store, user: User
) -> None:
    login = Login(new_id(), user.id)
    store.logins.open(login, token("one"), Origin("hash", "home"))
    store.logins.revoke(login.id)

    assert store.logins.knows_network(user.id, "home")
    assert not store.logins.knows_network(user.id, "elsewhere")
    assert not store.logins.knows_network(new_id(), "home")

    store.logins.purge(later(31 * 86400))
    assert not store.logins.knows_network(user.id, "home")


def test_logins_that_a_new_password_ended_leave_no_network(store: Store, user: User) -> None:
    kept = Login(new_id(), user.id)
    store.logins.open(Login(new_id(), user.id), token("thief"), Origin("hash", "his"))
    store.logins.open(kept, token("owner"), Origin("hash", "hers"))

    store.logins.revoke_all(user.id, but=kept.id)

    assert not store.logins.knows_network(user.id, "his")
    assert store.logins.knows_network(user.id, "hers")


@pytest.mark.parametrize("user_id", NOT_IDS)
def test_nobody_is_known_anywhere(store: Store, user_id: str) -> None:
    assert not store.logins.knows_network(user_id, "home")

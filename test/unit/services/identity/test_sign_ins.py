"""A login and a change of the password that happen at once."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from services.admission.windows.local import LocalWindows
from services.domain.callers.peers import SOMEBODY, Peer
from services.domain.errors.requests import Unauthorized
from services.identity.accounts import Accounts
from services.identity.attempts import AttemptRules, Attempts
from services.identity.logins import Logins, LoginTimes
from services.identity.passwords import Passwords
from services.identity.sign_ins import SignIns
from services.stores.sqlite.store import SqliteStore

ANN = "ann@example.org"
OLD, NEW = "correct horse", "battery staple"


class Slow(Passwords):
    """Checking that takes its time: `meanwhile` happens once, after a password was checked."""

    def __init__(self) -> None:
        """Check as `Passwords` does."""
        super().__init__(1024)
        self.meanwhile: Callable[[], object] | None = None

    def matches(self, password: str, password_hash: str | None, peer: Peer = SOMEBODY) -> bool:
        found = super().matches(password, password_hash, peer)
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        return found


class World:
    """Accounts, logins and what opens them, with one account."""

    def __init__(self, store: SqliteStore, passwords: Slow) -> None:
        """Make the account."""
        self.passwords, self.store = passwords, store
        self.accounts = Accounts(store.users, passwords)
        times = LoginTimes(lifetime=timedelta(days=30), grace=timedelta(seconds=30))
        self.logins = Logins(store.logins, times)
        attempts = Attempts(LocalWindows(), AttemptRules(account=(), network=()))
        self.sign_ins = SignIns(self.accounts, self.logins, attempts)
        self.user = self.accounts.register(ANN, OLD, None)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(SqliteStore.open(tmp_path)) as store, closing(Slow()) as passwords:
        yield World(store, passwords)


def test_a_login_with_the_old_password_does_not_open_after_the_change(world: World) -> None:
    def change() -> None:
        world.accounts.change_password(world.user.id, OLD, NEW)
        world.logins.end_others(world.user.id, "")

    world.passwords.meanwhile = change

    with pytest.raises(Unauthorized):
        world.sign_ins.log_in(ANN, OLD, SOMEBODY)

    assert world.sign_ins.log_in(ANN, NEW, SOMEBODY).user == world.user


def test_a_login_by_link_does_not_open_where_the_password_is_changed_meanwhile(
    world: World,
) -> None:
    chosen = world.store.users.credentials(ANN)
    assert chosen is not None
    world.accounts.change_password(world.user.id, OLD, NEW)

    with pytest.raises(Unauthorized):
        world.sign_ins.open_first(world.user, SOMEBODY, chosen.password_hash)


def test_a_change_of_the_password_ends_other_logins_though_nothing_comes_after_it(
    world: World,
) -> None:
    thief, owner = (world.sign_ins.log_in(ANN, OLD, SOMEBODY).opened.login.id for _ in range(2))

    world.accounts.change_password(world.user.id, OLD, NEW, login_id=owner)

    assert [world.logins.is_live(login) for login in (thief, owner)] == [False, True]


def test_a_login_opens_though_another_one_renews_the_hash_meanwhile(world: World) -> None:
    with closing(Passwords(2048)) as stronger:

        def renew() -> None:
            accounts = Accounts(world.store.users, stronger)
            accounts.verified(accounts.find(ANN), OLD)

        world.passwords.meanwhile = renew
        signed_in = world.sign_ins.log_in(ANN, OLD, SOMEBODY)

    assert world.logins.is_live(signed_in.opened.login.id)

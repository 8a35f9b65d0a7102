"""Accounts and logins over the embedded store, with a clock of the test's own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.domain.callers.peers import SOMEBODY, Peer
from services.domain.errors.conflicts import EmailTaken
from services.domain.errors.requests import InvalidRequest, Unauthorized
from services.domain.users import User
from services.identity.accounts import Accounts
from services.identity.logins import Logins, LoginTimes, OpenLogin
from services.identity.passwords import Passwords
from services.stores.sqlite.store import SqliteStore

CHEAP = 1024
TIMES = LoginTimes(lifetime=timedelta(days=30), grace=timedelta(seconds=30))


class Clock:
    """A clock that stands until it is moved."""

    time = datetime(2026, 11, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(CHEAP)
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(store: SqliteStore, passwords: Passwords, clock: Clock) -> Accounts:
    return Accounts(store.users, passwords, clock)


@pytest.fixture
def logins(store: SqliteStore, clock: Clock) -> Logins:
    return Logins(store.logins, TIMES, clock)


def checked(accounts: Accounts, email: str, password: str) -> User:
    """Find an account by its address and check the password."""
    return accounts.verified(accounts.find(email), password).user


def test_an_account_is_found_by_what_it_was_made_with(accounts: Accounts, clock: Clock) -> None:
    made = accounts.register("ann@example.org", "correct horse", "Ann")

    assert checked(accounts, "ANN@example.org", "correct horse") == made
    assert accounts.get(made.id) == made
    assert made.created_at == clock.time


def test_an_address_has_one_account(accounts: Accounts) -> None:
    accounts.register("ann@example.org", "correct horse", None)

    with pytest.raises(EmailTaken):
        accounts.register("ann@EXAMPLE.org", "battery staple", None)


def test_a_hash_is_renewed_when_the_costs_have_changed(
    accounts: Accounts, store: SqliteStore
) -> None:
    made = accounts.register("ann@example.org", "correct horse", None)
    stronger = Passwords(2 * CHEAP)

    checked(Accounts(store.users, stronger), "ann@example.org", "correct horse")

    stored = store.users.get(made.id)
    assert stored is not None
    assert not stronger.is_outdated(stored.password_hash)
    stronger.close()


class Interrupted(Passwords):
    """Hashing that takes its time: `meanwhile` happens during it."""

    def __init__(self, memory_kib: int, meanwhile: Callable[[], object]) -> None:
        """Hash as `Passwords` does."""
        super().__init__(memory_kib)
        self._meanwhile = meanwhile

    def hash(self, password: str, peer: Peer = SOMEBODY) -> str:
        made = super().hash(password, peer)
        self._meanwhile()
        return made


def test_a_login_does_not_undo_a_password_change_that_overtakes_it(
    accounts: Accounts, store: SqliteStore
) -> None:
    made = accounts.register("ann@example.org", "correct horse", None)
    stronger = Interrupted(
        2 * CHEAP, lambda: accounts.change_password(made.id, "correct horse", "battery staple")
    )

    with pytest.raises(Unauthorized):
        checked(Accounts(store.users, stronger), "ann@example.org", "correct horse")

    stronger.close()
    assert checked(accounts, "ann@example.org", "battery staple") == made
    with pytest.raises(Unauthorized):
        checked(accounts, "ann@example.org", "correct horse")


def test_two_logins_may_renew_a_hash_at_once(
    accounts: Accounts, store: SqliteStore, passwords: Passwords
) -> None:
    made = accounts.register("ann@example.org", "correct horse", None)

    def log_in_elsewhere() -> None:
        before = store.users.get(made.id)
        assert before is not None
        renewed = passwords.hash("correct horse")
        assert store.users.set_password(made.id, renewed, only_if=before.password_hash)

    stronger = Interrupted(2 * CHEAP, log_in_elsewhere)

    assert checked(Accounts(store.users, stronger), "ann@example.org", "correct horse") == made
    stronger.close()


def test_of_two_password_changes_at_once_one_is_refused(
    accounts: Accounts, store: SqliteStore
) -> None:
    made = accounts.register("ann@example.org", "correct horse", None)
    slower = Interrupted(
        CHEAP, lambda: accounts.change_password(made.id, "correct horse", "battery staple")
    )

    with pytest.raises(InvalidRequest) as refused:
        Accounts(store.users, slower).change_password(made.id, "correct horse", "tin drum")

    slower.close()
    assert set(refused.value.errors) == {"current"}
    assert checked(accounts, "ann@example.org", "battery staple") == made


def test_an_account_that_is_gone_is_not_authenticated(accounts: Accounts) -> None:
    with pytest.raises(Unauthorized):
        accounts.get("00000000-0000-7000-8000-000000000000")
    with pytest.raises(Unauthorized):
        accounts.change_password("00000000-0000-7000-8000-000000000000", "a", "b")


def test_a_password_is_changed_by_who_knows_it(accounts: Accounts) -> None:
    made = accounts.register("ann@example.org", "correct horse", None)

    with pytest.raises(InvalidRequest):
        accounts.change_password(made.id, "wrong", "battery staple")
    accounts.change_password(made.id, "correct horse", "battery staple")

    assert checked(accounts, "ann@example.org", "battery staple") == made
    with pytest.raises(Unauthorized):
        checked(accounts, "ann@example.org", "correct horse")


def opened_by(logins: Logins, user: User) -> OpenLogin:
    """Begin a login of a user."""
    opened = logins.open(user.id)
    assert opened is not None
    return opened


def test_a_refresh_token_is_no_more_than_its_hash_in_the_store(
    accounts: Accounts, logins: Logins, tmp_path: Path, store: SqliteStore
) -> None:
    opened = opened_by(logins, accounts.register("ann@example.org", "correct horse", None))

    store.tidy()

    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert len(opened.refresh_token) == 43
    assert opened.refresh_token.encode() not in held
    assert b"ann@example.org" in held


def test_a_used_token_may_come_again_within_the_grace_only(
    accounts: Accounts, logins: Logins, clock: Clock
) -> None:
    opened = opened_by(logins, accounts.register("ann@example.org", "correct horse", None))
    logins.refresh(opened.refresh_token)

    clock.move(seconds=29)
    second = logins.refresh(opened.refresh_token)
    clock.move(seconds=2)
    with pytest.raises(Unauthorized):
        logins.refresh(opened.refresh_token)

    assert not logins.is_live(opened.login.id)
    with pytest.raises(Unauthorized):
        logins.refresh(second.refresh_token)


def test_a_login_ends_when_it_is_not_used_for_its_lifetime(
    accounts: Accounts, logins: Logins, clock: Clock
) -> None:
    opened = opened_by(logins, accounts.register("ann@example.org", "correct horse", None))

    clock.move(days=29)
    renewed = logins.refresh(opened.refresh_token)
    clock.move(days=29)
    again = logins.refresh(renewed.refresh_token)
    clock.move(days=31)

    with pytest.raises(Unauthorized):
        logins.refresh(again.refresh_token)


def test_ending_the_other_logins_leaves_this_one(accounts: Accounts, logins: Logins) -> None:
    user = accounts.register("ann@example.org", "correct horse", None)
    here, there = opened_by(logins, user), opened_by(logins, user)

    logins.end_others(user.id, here.login.id)

    assert logins.is_live(here.login.id)
    assert not logins.is_live(there.login.id)

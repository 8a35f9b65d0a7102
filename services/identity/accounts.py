"""The accounts that this server keeps itself."""

from collections.abc import Callable
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from services.domain.errors.requests import InvalidRequest, Unauthorized
from services.domain.users import Role, User
from services.identity.passwords import Passwords
from services.stores.base.users import Credentials, NewUser, UserStore

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Give the present time."""
    return datetime.now(UTC)


class Accounts:
    """Makes accounts and checks passwords."""

    def __init__(self, users: UserStore, passwords: Passwords, now: Clock = utc_now) -> None:
        """Keep accounts in `users`."""
        self._users = users
        self._passwords = passwords
        self._now = now

    def drafted(
        self, email: str, password: str, name: str | None, role: Role | None = None
    ) -> NewUser:
        """Describe a new account, which is not made yet; `role` as NewUser has it."""
        return NewUser(
            id=str(uuid7()),
            email=email,
            name=name,
            password_hash=self._passwords.hash(password),
            created_at=self._now(),
            role=role,
        )

    def register(
        self, email: str, password: str, name: str | None, role: Role | None = None
    ) -> User:
        """Make an account, or raise EmailTaken; `role` as NewUser has it."""
        return self._users.add(self.drafted(email, password, name, role))

    def check(self, email: str, password: str) -> User:
        """Find the account that the address and password belong to, or raise Unauthorized.

        The answer and its time do not tell whether the address or the password was wrong.
        """
        known = self._users.credentials(email)
        password_hash = known.password_hash if known else None
        if not self._passwords.matches(password, password_hash) or known is None:
            raise _wrong_login()
        if self._passwords.is_outdated(known.password_hash):
            self._renew(known, password)
        return known.user

    def get(self, user_id: str) -> User:
        """Read an account, or raise Unauthorized where it is gone."""
        known = self._users.get(user_id)
        if known is None:
            raise Unauthorized("The account does not exist any more.")
        return known.user

    def change_password(self, user_id: str, current: str, new: str) -> None:
        """Replace a password for a user who knows it; raises InvalidRequest, Unauthorized."""
        known = self._users.get(user_id)
        if known is None:
            raise Unauthorized("The account does not exist any more.")
        if not self._passwords.matches(current, known.password_hash):
            raise _wrong_current()
        new_hash = self._passwords.hash(new)
        if not self._users.set_password(user_id, new_hash, only_if=known.password_hash):
            raise _wrong_current()

    def _renew(self, known: Credentials, password: str) -> None:
        """Hash a password with today's costs; raises Unauthorized where it has been changed."""
        new_hash = self._passwords.hash(password)
        if self._users.set_password(known.user.id, new_hash, only_if=known.password_hash):
            return
        # Another login may have renewed the hash first: then the password is still the right one.
        now = self._users.get(known.user.id)
        if now is None or not self._passwords.matches(password, now.password_hash):
            raise _wrong_login()


def _wrong_login() -> Unauthorized:
    return Unauthorized("The e-mail address or the password is wrong.")


def _wrong_current() -> InvalidRequest:
    text = "This is not the current password."
    return InvalidRequest(text, {"current": [text]})

"""The accounts that this server keeps itself."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from services.domain.callers.peers import SOMEBODY, Peer
from services.domain.errors.outages import TooManyLogins
from services.domain.errors.requests import InvalidRequest, Unauthorized
from services.domain.users import Role, User
from services.identity.chosen_names import refused_email, refused_name
from services.identity.chosen_passwords import refused_password
from services.identity.passwords import Passwords
from services.stores.base.accounts.users import Credentials, NewUser, UserStore

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Give the present time."""
    return datetime.now(UTC)


class Accounts:
    """Makes accounts and checks passwords."""

    def __init__(
        self,
        users: UserStore,
        passwords: Passwords,
        now: Clock = utc_now,
        known_to_all: Sequence[str] = (),
    ) -> None:
        """Keep accounts in `users`; `known_to_all` are passwords that nobody may choose."""
        self._known_to_all = known_to_all
        self._users = users
        self._passwords = passwords
        self._now = now

    def drafted(
        self,
        email: str,
        password: str,
        name: str | None,
        role: Role | None = None,
        peer: Peer = SOMEBODY,
    ) -> NewUser:
        """Describe a new account, which is not made yet; `role` as NewUser has it.

        Raises InvalidRequest for what nobody should have, and TooManyLogins.
        """
        self._check_new(email, password, name)
        return NewUser(
            id=str(uuid7()),
            email=email,
            name=name,
            password_hash=self._passwords.hash(password, peer),
            created_at=self._now(),
            role=role,
        )

    def register(
        self,
        email: str,
        password: str,
        name: str | None,
        role: Role | None = None,
        peer: Peer = SOMEBODY,
    ) -> User:
        """Make an account, or raise EmailTaken, and what `drafted` raises."""
        return self._users.add(self.drafted(email, password, name, role, peer))

    def hashed(self, user: User, password: str, field: str, peer: Peer = SOMEBODY) -> str:
        """Hash a password that an account is to have from now on.

        Raises TooManyLogins, and InvalidRequest, which names `field`, for one that is guessed
        first.
        """
        refused = refused_password(password, user.email, user.name, self._known_to_all)
        if refused:
            raise _refusal({field: refused})
        return self._passwords.hash(password, peer)

    def find(self, email: str) -> Credentials | None:
        """Find the account that an address belongs to, and the hash of its password."""
        return self._users.credentials(email)

    def verified(
        self, found: Credentials | None, password: str, peer: Peer = SOMEBODY
    ) -> Credentials:
        """Give the account that `find` gave, with the hash that the password matches now.

        Raises Unauthorized. The answer and its time do not tell whether the address or the password
        was wrong.
        """
        password_hash = found.password_hash if found else None
        if not self._passwords.matches(password, password_hash, peer) or found is None:
            raise wrong_login()
        if self._passwords.is_outdated(found.password_hash):
            return self._renewed(found, password, peer)
        return found

    def get(self, user_id: str) -> User:
        """Read an account, or raise Unauthorized where it is gone."""
        known = self._users.get(user_id)
        if known is None:
            raise Unauthorized("The account does not exist any more.")
        return known.user

    def change_password(
        self, user_id: str, current: str, new: str, peer: Peer = SOMEBODY, login_id: str = ""
    ) -> None:
        """Replace a password for a user who knows it; raises InvalidRequest, Unauthorized.

        All logins but one have ended then, and links for a new password are not good any more.
        """
        known = self._users.get(user_id)
        if known is None:
            raise Unauthorized("The account does not exist any more.")
        if not self._passwords.matches(current, known.password_hash, peer):
            raise _wrong_current()
        new_hash = self.hashed(known.user, new, "new", peer)
        only_if = known.password_hash
        if not self._users.change_password(user_id, new_hash, only_if=only_if, but=login_id):
            raise _wrong_current()

    def _check_new(self, email: str, password: str, name: str | None) -> None:
        refused = {
            "email": refused_email(email),
            "name": refused_name(name),
            "password": refused_password(password, email, name, self._known_to_all),
        }
        if errors := {field: texts for field, texts in refused.items() if texts}:
            raise _refusal(errors)

    def _renewed(self, known: Credentials, password: str, peer: Peer) -> Credentials:
        """Hash a password with today's costs; raises Unauthorized where it has been changed."""
        try:
            new_hash = self._passwords.hash(password, peer)
        except TooManyLogins:  # the password is right; a login at another time renews its hash
            return known
        if self._users.set_password(known.user.id, new_hash, only_if=known.password_hash):
            return Credentials(known.user, new_hash)
        # Another login may have renewed the hash first: then the password is still the right one.
        now = self._users.get(known.user.id)
        if now is None or not self._passwords.matches(password, now.password_hash, peer):
            raise wrong_login()
        return now


def wrong_login() -> Unauthorized:
    """Say that there is no such account with this password."""
    return Unauthorized("The e-mail address or the password is wrong.")


def _refusal(errors: Mapping[str, Sequence[str]]) -> InvalidRequest:
    detail = "; ".join(f"{field}: {texts[0]}" for field, texts in errors.items())
    return InvalidRequest(detail, errors)


def _wrong_current() -> InvalidRequest:
    text = "This is not the current password."
    return InvalidRequest(text, {"current": [text]})

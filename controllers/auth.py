"""Logins, and the accounts that they are of."""

from dataclasses import dataclass

from services.domain.callers.peers import Peer
from services.domain.errors.conflicts import ExternalAccount
from services.domain.users import Caller, ExternalUser, User
from services.identity.accounts import Accounts
from services.identity.logins import Logins, OpenLogin
from services.identity.sign_ins import SignIns


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A user who has logged in: the account, the login and the token that continues it."""

    user: User
    login_id: str
    refresh_token: str


class AuthController:
    """Opens, continues and ends logins."""

    def __init__(self, accounts: Accounts, logins: Logins, sign_ins: SignIns) -> None:
        """Take the services that keep accounts and logins, and the one that opens them."""
        self._accounts = accounts
        self._logins = logins
        self._sign_ins = sign_ins

    def login(self, email: str, password: str, peer: Peer) -> SignedIn:
        """Log in with a password; raises Unauthorized, TooManyRequests, TooManyLogins."""
        opened = self._sign_ins.log_in(email, password, peer)
        return signed_in(opened.user, opened.opened)

    def refresh(self, refresh_token: str, key: str | None) -> SignedIn:
        """Continue a login; raises Unauthorized.

        With the `key` of its first use a token may come again until the next one is used.
        """
        opened = self._logins.refresh(refresh_token, key)
        return signed_in(self._accounts.get(opened.login.user_id), opened)

    def logout(self, caller: Caller) -> None:
        """End the caller's login; raises ExternalAccount."""
        _refuse_external(caller)
        self._logins.end(caller.login_id)

    def me(self, caller: Caller) -> User | ExternalUser:
        """Read the caller's account."""
        return caller.external or self._accounts.get(caller.user_id)

    def change_password(self, caller: Caller, current: str, new: str, peer: Peer) -> None:
        """Replace the caller's password and end all other logins.

        Raises InvalidRequest, ExternalAccount, TooManyRequests, TooManyLogins.
        """
        _refuse_external(caller)
        self._sign_ins.change_password(caller, current, new, peer)


def signed_in(user: User, opened: OpenLogin) -> SignedIn:
    """Put an account together with the login that it has just opened."""
    return SignedIn(user=user, login_id=opened.login.id, refresh_token=opened.refresh_token)


def _refuse_external(caller: Caller) -> None:
    if caller.external is not None:
        raise ExternalAccount(caller.external.manager)

"""Opening logins with passwords, against all who only guess them."""

from dataclasses import dataclass, replace

from services.domain.callers.networks import network_of
from services.domain.callers.peers import Peer
from services.domain.errors.requests import InvalidRequest, Unauthorized
from services.domain.users import Caller, User
from services.identity.accounts import Accounts, wrong_login
from services.identity.attempts import Attempts
from services.identity.logins import Logins, OpenLogin, network_digest
from services.stores.base.accounts.emails import compared
from services.stores.base.accounts.logins import Origin
from services.stores.base.accounts.users import Credentials

NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user and the login that was opened."""

    user: User
    opened: OpenLogin


class SignIns:
    """Logs users in, and lets them change the password."""

    def __init__(self, accounts: Accounts, logins: Logins, attempts: Attempts) -> None:
        """Take what keeps accounts and logins, and what slows guessing down."""
        self._accounts = accounts
        self._logins = logins
        self._attempts = attempts

    def open_first(self, user: User, peer: Peer, password_hash: str | None = None) -> OpenLogin:
        """Open the login of an account that was made, or whose password was chosen, just now.

        Raises Unauthorized where the account's hash is not `password_hash` any more.
        """
        network = network_digest(user.id, network_of(peer.address))
        opened = self._logins.open(user.id, Origin(password_hash, network))
        if opened is None:
            raise wrong_login()
        return opened

    def log_in(self, email: str, password: str, peer: Peer) -> SignedIn:
        """Open a login, or raise Unauthorized, TooManyRequests or TooManyLogins.

        A login that was checked against a password that is changed meanwhile does not open. The
        answer and its time do not tell whether there is such an account.
        """
        found = self._accounts.find(email)
        user_id = found.user.id if found else NOBODY
        network = network_digest(user_id, network_of(peer.address))
        peer = replace(peer, is_known=self._logins.knows_network(user_id, network))
        attempt = self._attempts.admit(compared(email), peer)
        try:
            signed_in = self._opened(found, password, peer, network)
            return signed_in or self._opened_at_last(email, password, peer, network)
        except Unauthorized:
            self._attempts.failed(attempt)
            raise

    def change_password(self, caller: Caller, current: str, new: str, peer: Peer) -> None:
        """Replace a password for a user who knows it, and end all other logins.

        Raises InvalidRequest, TooManyRequests, TooManyLogins and Unauthorized.
        """
        attempt = self._attempts.admit_change(caller.login_id)
        peer = replace(peer, is_known=True)
        try:
            self._accounts.change_password(
                caller.user_id, current, new, peer, login_id=caller.login_id
            )
        except InvalidRequest as refused:
            if "current" in refused.errors:
                self._attempts.failed(attempt)
            raise
        # The store has ended them already; this makes all workers hear of it.
        self._logins.end_others(caller.user_id, caller.login_id)

    def _opened(
        self, found: Credentials | None, password: str, peer: Peer, network: str
    ) -> SignedIn | None:
        """Check a password and open a login; None: the account's hash was changed meanwhile."""
        known = self._accounts.verified(found, password, peer)
        opened = self._logins.open(known.user.id, Origin(known.password_hash, network))
        return SignedIn(known.user, opened) if opened else None

    def _opened_at_last(self, email: str, password: str, peer: Peer, network: str) -> SignedIn:
        """Try once more: another login may have renewed the hash of the same password."""
        signed_in = self._opened(self._accounts.find(email), password, peer, network)
        if signed_in is None:
            raise wrong_login()
        return signed_in

"""How accounts are made, and how a forgotten password is chosen anew."""

from controllers.auth import SignedIn, signed_in
from services.domain.callers.peers import Peer
from services.domain.users import RegistrationPolicy
from services.identity.logins import Logins
from services.identity.registration import Registrations
from services.identity.sign_ins import SignIns


class RegistrationController:
    """Makes accounts and chooses passwords; who did so is logged in."""

    def __init__(self, registrations: Registrations, logins: Logins, sign_ins: SignIns) -> None:
        """Take the services that make accounts and logins."""
        self._registrations = registrations
        self._logins = logins
        self._sign_ins = sign_ins

    @property
    def registration(self) -> RegistrationPolicy:
        """Tell who may register."""
        return self._registrations.registration

    def register(
        self, email: str, password: str, name: str | None, invite: str | None, peer: Peer
    ) -> SignedIn:
        """Make an account and log it in.

        Raises RegistrationClosed, InvalidLink, EmailTaken, InvalidRequest and TooManyLogins.
        """
        user = self._registrations.register(email, password, name, invite, peer)
        return signed_in(user, self._sign_ins.open_first(user, peer))

    def reset_password(self, token: str, password: str, peer: Peer) -> SignedIn:
        """Choose a password by a one-time link: all logins end, and a new one begins.

        Raises InvalidLink, InvalidRequest and TooManyLogins, and Unauthorized where the password
        was changed once more meanwhile.
        """
        chosen = self._registrations.choose_password(token, password, peer)
        user = chosen.user
        opened = self._sign_ins.open_first(user, peer, chosen.password_hash)
        # The store has ended them already; this makes all workers hear of it.
        self._logins.end_others(user.id, opened.login.id)
        return signed_in(user, opened)

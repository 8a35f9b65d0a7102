"""Who may have an account here, and how a password is chosen by a one-time link."""

import secrets
from dataclasses import dataclass

from services.domain.callers.peers import SOMEBODY, Peer
from services.domain.errors.conflicts import EmailTaken
from services.domain.errors.requests import RegistrationClosed
from services.domain.users import RegistrationPolicy, Role, User
from services.identity.accounts import Accounts
from services.identity.links import Links, MadeLink
from services.stores.base.accounts.users import Credentials, UserStore

NOBODY_KNOWS_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRules:
    """Who may register; `first_is_admin`: whoever comes first becomes the admin."""

    registration: RegistrationPolicy
    first_is_admin: bool


class Registrations:
    """Makes accounts for those who may have one."""

    def __init__(
        self,
        users: UserStore,
        accounts: Accounts,
        links: Links,
        rules: RegistrationRules,
    ) -> None:
        """Keep accounts in `users`."""
        self._users = users
        self._accounts = accounts
        self._links = links
        self._rules = rules

    @property
    def registration(self) -> RegistrationPolicy:
        """Tell who may register."""
        return self._rules.registration

    def register(
        self,
        email: str,
        password: str,
        name: str | None,
        invite: str | None,
        peer: Peer = SOMEBODY,
    ) -> User:
        """Make an account.

        Raises RegistrationClosed, InvalidLink, EmailTaken, and what `Accounts.drafted` raises. No
        password is hashed for a caller who may not register.
        """
        self._check_open(invite)
        role = None if self._rules.first_is_admin else Role.MEMBER
        if invite is not None:
            self._links.check_invitation(invite, email)
            if self._users.credentials(email) is not None:  # also an older release's spelling
                raise EmailTaken
            new = self._accounts.drafted(email, password, name, role, peer)
            return self._links.accept(invite, new)
        return self._accounts.register(email, password, name, role, peer)

    def choose_password(self, token: str, password: str, peer: Peer = SOMEBODY) -> Credentials:
        """Set the password of the account that a reset link is for; its logins have ended then.

        Gives the account and its new hash.

        Raises InvalidLink, what `Accounts.hashed` raises, and Unauthorized where the account is
        gone.
        """
        account = self._accounts.get(self._links.check_reset(token))
        new_hash = self._accounts.hashed(account, password, "password", peer)
        self._links.choose_password(token, new_hash)
        return Credentials(account, new_hash)

    def make_admin(self, email: str) -> MadeLink | None:
        """Make an account an admin; None: it was there. A new one gets a link for its password."""
        known = self._users.credentials(email)
        if known is None:
            nobody_knows = secrets.token_urlsafe(NOBODY_KNOWS_BYTES)
            user = self._accounts.register(email, nobody_knows, None, Role.ADMIN)
            return self._links.reset(user.id)
        self._users.set_role(known.user.id, Role.ADMIN)
        return None

    def invite(self, email: str | None) -> MadeLink:
        """Make an invitation; raises RegistrationClosed, EmailTaken."""
        if self._rules.registration is RegistrationPolicy.OFF:
            raise RegistrationClosed("REGISTRATION is off: nobody could use an invitation.")
        if email is not None and self._users.credentials(email) is not None:
            raise EmailTaken(f"{email} has an account: `reset-password` gives a link for it.")
        return self._links.invite(email)

    def reset_password(self, email: str) -> MadeLink | None:
        """Make a link that chooses a password anew; None: no account has this address."""
        known = self._users.credentials(email)
        return None if known is None else self._links.reset(known.user.id)

    def _check_open(self, invite: str | None) -> None:
        match self._rules.registration:
            case RegistrationPolicy.OPEN:
                return
            case RegistrationPolicy.INVITE:
                if invite is None:
                    raise RegistrationClosed(
                        "Accounts are made by invitation only: ask for a link."
                    )
            case RegistrationPolicy.OFF:
                raise RegistrationClosed("No accounts are made here.")

"""One-time links: an invitation makes an account, a reset chooses an account's password anew."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.domain.errors.requests import InvalidLink
from services.domain.users import User
from services.identity.accounts import Clock, utc_now
from services.stores.base.accounts.emails import compared
from services.stores.base.accounts.links import Link, LinkPurpose, LinkStore
from services.stores.base.accounts.users import NewUser

TOKEN_BYTES = 24
"""192 bits cannot be guessed, so a plain SHA-256 protects what is stored."""


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A new link: the token, of which the store has only the hash, and the time of its end."""

    token: str
    expires_at: datetime


class Links:
    """Makes links and redeems them, each once."""

    def __init__(self, store: LinkStore, lifetime: timedelta, now: Clock = utc_now) -> None:
        """Keep what is needed to recognise a token in `store`; a link lasts for `lifetime`."""
        self._store = store
        self._lifetime = lifetime
        self._now = now

    def invite(self, email: str | None) -> MadeLink:
        """Make an invitation: for an address, in place of its older ones, or for anybody."""
        return self._made(LinkPurpose.INVITATION, None if email is None else compared(email))

    def reset(self, user_id: str) -> MadeLink:
        """Make a link that chooses the account's password anew, in place of its older ones."""
        return self._made(LinkPurpose.RESET, user_id)

    def check_invitation(self, token: str, email: str) -> None:
        """Raise InvalidLink unless this address may use the invitation now."""
        link = self._find(LinkPurpose.INVITATION, token)
        if link.subject not in (None, compared(email)):
            raise _invalid()

    def accept(self, token: str, new: NewUser) -> User:
        """Use an invitation up and make the account; raises InvalidLink, EmailTaken."""
        made = self._store.redeem_invitation(_hash(token), self._now(), new)
        if made is None:
            raise _invalid()
        return made

    def check_reset(self, token: str) -> str:
        """Give the id of the account whose password the link may choose, or raise InvalidLink."""
        return str(self._find(LinkPurpose.RESET, token).subject)

    def choose_password(self, token: str, new_hash: str) -> None:
        """Use a reset up and end the logins of its account; raises InvalidLink."""
        if not self._store.redeem_reset(_hash(token), self._now(), new_hash):
            raise _invalid()

    def _made(self, purpose: LinkPurpose, subject: str | None) -> MadeLink:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._now()
        link = Link(
            token_hash=_hash(token),
            purpose=purpose,
            subject=subject,
            created_at=now,
            expires_at=now + self._lifetime,
        )
        self._store.add(link)
        return MadeLink(token, link.expires_at)

    def _find(self, purpose: LinkPurpose, token: str) -> Link:
        link = self._store.find(purpose, _hash(token), self._now())
        if link is None:
            raise _invalid()
        return link


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _invalid() -> InvalidLink:
    # One answer for all: it tells nobody which links there were, and for whom.
    return InvalidLink(
        "The link was used, has expired, was replaced by a newer one or is for another address. "
        "Ask for a new one."
    )

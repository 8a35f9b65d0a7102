"""One-time links: what an operator hands to a person, who then chooses a password."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.domain.users import User
from services.stores.base.accounts.users import NewUser


class LinkPurpose(StrEnum):
    """What a link is good for."""

    INVITATION = "invitation"
    RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What is stored of a link: never its token, only the SHA-256 of it.

    `subject` is whom the link is for: of an invitation the folded address, or None for anybody; of
    a reset the account's id.
    """

    token_hash: str
    purpose: LinkPurpose
    subject: str | None
    created_at: datetime
    expires_at: datetime


class LinkStore(ABC):
    """A link is good once, until it expires or a newer one for the same subject takes its place."""

    @abstractmethod
    def add(self, link: Link) -> None:
        """Keep a link and delete the older ones of its purpose and subject, atomically."""

    @abstractmethod
    def find(self, purpose: LinkPurpose, token_hash: str, now: datetime) -> Link | None:
        """Find a link that is still good; None: unknown, used, replaced or expired."""

    @abstractmethod
    def redeem_invitation(self, token_hash: str, now: datetime, new: NewUser) -> User | None:
        """Use an invitation up and make the account, atomically; None: the link is not good.

        Raises EmailTaken, and then the invitation is still good.
        """

    @abstractmethod
    def redeem_reset(self, token_hash: str, now: datetime, new_hash: str) -> bool:
        """Use a reset up, replace the hash and revoke all logins of the account, atomically.

        False: the link is not good. A login may be seen as live afterwards, as after a revocation
        by another process.
        """

    @abstractmethod
    def purge(self, expired_before: datetime) -> int:
        """Delete links that expired before; return how many."""

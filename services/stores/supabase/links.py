"""One-time links in Supabase."""

from datetime import datetime

import msgspec
from msgspec.json import Decoder
from uuid_utils.compat import uuid7

from services.domain.users import User
from services.stores.base import refusals
from services.stores.base.accounts.links import Link, LinkPurpose, LinkStore
from services.stores.base.accounts.users import NewUser
from services.stores.supabase.access.connection import NOTHING, TRUTH, Connection
from services.stores.supabase.purge import in_chunks
from services.stores.supabase.times import Time, utc
from services.stores.supabase.users import UserRow, described


class _LinkRow(msgspec.Struct):
    token_hash: str
    purpose: LinkPurpose
    subject: str | None
    created_at: Time
    expires_at: Time


class _Redeemed(msgspec.Struct):
    """What became of an invitation: the account; or `is_taken`, the address is."""

    user: UserRow | None = None
    is_taken: bool = False


_LINK: Decoder[_LinkRow | None] = Decoder(_LinkRow | None)
_REDEEMED: Decoder[_Redeemed | None] = Decoder(_Redeemed | None)


class SupabaseLinks(LinkStore):
    """Each link is one row, which is deleted when the link is used."""

    def __init__(self, connection: Connection) -> None:
        """Work on a project that has the migrations."""
        self._connection = connection

    def add(self, link: Link) -> None:
        """Insert the link in place of older ones."""
        asked = {
            "p_token_hash": link.token_hash,
            "p_purpose": link.purpose,
            "p_subject": link.subject,
            "p_created_at": link.created_at,
            "p_expires_at": link.expires_at,
        }
        self._connection.tell("add_link", asked, NOTHING)

    def find(self, purpose: LinkPurpose, token_hash: str, now: datetime) -> Link | None:
        """Look the hash up."""
        asked = {"p_purpose": purpose, "p_token_hash": token_hash, "p_now": now}
        row = self._connection.ask("find_link", asked, _LINK)
        if row is None:
            return None
        return Link(
            token_hash=row.token_hash,
            purpose=row.purpose,
            subject=row.subject,
            created_at=utc(row.created_at),
            expires_at=utc(row.expires_at),
        )

    def redeem_invitation(self, token_hash: str, now: datetime, new: NewUser) -> User | None:
        """Insert the account and delete the link; where that is refused, neither was done."""
        asked = {"p_token_hash": token_hash, "p_now": now, "p_new_tenant": str(uuid7())}
        redeemed = self._connection.tell("redeem_invitation", asked | described(new), _REDEEMED)
        if redeemed is None:
            return None
        if redeemed.user is None:
            raise refusals.email_taken()
        return redeemed.user.credentials().user

    def redeem_reset(self, token_hash: str, now: datetime, new_hash: str) -> bool:
        """Delete the link, write the hash, mark the logins."""
        asked = {"p_token_hash": token_hash, "p_now": now, "p_new_hash": new_hash}
        return self._connection.tell("redeem_reset", asked, TRUTH)

    def purge(self, expired_before: datetime) -> int:
        """Delete links chunk by chunk."""
        return in_chunks(self._connection, "purge_links", {"p_before": expired_before})

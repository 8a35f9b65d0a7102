"""Accounts in Supabase; users of Supabase Auth have none here."""

import msgspec
from msgspec.json import Decoder
from uuid_utils.compat import uuid7

from services.domain.users import Role, User
from services.stores.base import refusals
from services.stores.base.accounts.emails import KeptUser, compared, found_by
from services.stores.base.accounts.users import Credentials, NewUser, UserStore
from services.stores.base.ids import is_uuid
from services.stores.supabase.access.connection import TEXT, TRUTH, Connection
from services.stores.supabase.times import Time, utc


class UserRow(msgspec.Struct):
    """An account."""

    id: str
    tenant_id: str
    email: str
    email_folded: str
    name: str | None
    role: Role
    password_hash: str
    created_at: Time

    def credentials(self) -> Credentials:
        """Give the account and its hash."""
        user = User(
            id=self.id,
            tenant_id=self.tenant_id,
            email=self.email,
            name=self.name,
            role=self.role,
            created_at=utc(self.created_at),
        )
        return Credentials(user, self.password_hash)


_USER: Decoder[UserRow | None] = Decoder(UserRow | None)


class SupabaseUsers(UserStore):
    """All accounts belong to one tenant, the installation's own."""

    def __init__(self, connection: Connection) -> None:
        """Work on a project that has the migrations."""
        self._connection = connection
        self._tenant_id: str | None = None

    def tenant_id(self) -> str:
        """Ask once; a tenant never changes."""
        if self._tenant_id is None:
            asked = {"p_new_id": str(uuid7())}
            self._tenant_id = self._connection.ask("own_tenant", asked, TEXT)
        return self._tenant_id

    def add(self, new: NewUser) -> User:
        """Insert the account under the installation's lock, and the tenant with the first one."""
        if self.credentials(new.email) is not None:  # rewrites what an older release folded
            raise refusals.email_taken()
        asked = {"p_new_tenant": str(uuid7())} | described(new)
        made = self._connection.tell("add_user", asked, _USER)
        if made is None:
            raise refusals.email_taken()
        return made.credentials().user

    def credentials(self, email: str) -> Credentials | None:
        """Look the compared address up."""
        return found_by(email, self._find_email, self._rewrite) if _is_text(email) else None

    def get(self, user_id: str) -> Credentials | None:
        """Look the id up."""
        row = self._find({"p_id": user_id}) if is_uuid(user_id) else None
        return None if row is None else row.credentials()

    def set_password(self, user_id: str, new_hash: str, *, only_if: str) -> bool:
        """Compare and replace in one statement."""
        if not is_uuid(user_id):
            return False
        asked = {"p_id": user_id, "p_new_hash": new_hash, "p_only_if": only_if}
        return self._connection.tell("set_password", asked, TRUTH)

    def change_password(self, user_id: str, new_hash: str, *, only_if: str, but: str) -> bool:
        """Compare and replace, and end what stood on the old password, in one call."""
        if not is_uuid(user_id):
            return False
        asked = {"p_id": user_id, "p_new_hash": new_hash, "p_only_if": only_if}
        kept = {"p_but": but if is_uuid(but) else None}
        return self._connection.tell("change_password", asked | kept, TRUTH)

    def set_role(self, user_id: str, role: Role) -> bool:
        """Write the role."""
        asked = {"p_id": user_id, "p_role": role}
        return is_uuid(user_id) and self._connection.ask("set_role", asked, TRUTH)

    def _find(self, asked: dict[str, str]) -> UserRow | None:
        return self._connection.ask("find_user", asked, _USER)

    def _find_email(self, form: str) -> KeptUser | None:
        row = self._find({"p_email_folded": form})
        return None if row is None else KeptUser(row.credentials(), row.email_folded)

    def _rewrite(self, kept: KeptUser, form: str) -> bool:
        asked = {"p_id": kept.credentials.user.id, "p_new": form, "p_only_if": kept.compared}
        return self._connection.ask("set_compared_email", asked, TRUTH)


def described(new: NewUser) -> dict[str, object]:
    """Write a new account as the arguments of the functions that make one."""
    return {
        "p_id": new.id,
        "p_email": new.email,
        "p_email_folded": compared(new.email),
        "p_name": new.name,
        "p_role": new.role,
        "p_password_hash": new.password_hash,
        "p_created_at": new.created_at,
    }


def _is_text(text: str) -> bool:
    """Tell whether PostgreSQL can hold a text: no NUL, no lone surrogate."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False

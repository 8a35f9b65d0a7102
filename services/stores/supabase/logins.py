"""Logins in Supabase."""

from datetime import datetime, timedelta

import msgspec
from msgspec.json import Decoder

from services.stores.base.accounts.logins import (
    ANY_ORIGIN,
    Login,
    LoginStore,
    Origin,
    RefreshToken,
    Renewal,
)
from services.stores.base.ids import is_uuid
from services.stores.supabase.access.connection import TEXTS, TRUTH, Connection
from services.stores.supabase.live_logins import LiveLogins
from services.stores.supabase.purge import in_chunks


class _Rotated(msgspec.Struct):
    id: str | None = None
    user_id: str | None = None
    revoked: str | None = None
    seed: str = ""
    is_spent: bool = False


_ROTATED: Decoder[_Rotated | None] = Decoder(_Rotated | None)
_REFUSED: Decoder[bool | None] = Decoder(bool | None)


class SupabaseLogins(LoginStore):
    """Families of refresh tokens. Whether a login is live is asked once, and a yes is remembered.

    A login that another process revokes is forgotten at this worker's next beat.
    """

    def __init__(self, connection: Connection, live: LiveLogins) -> None:
        """Work on a project that has the migrations."""
        self._connection = connection
        self._live = live

    def open(self, login: Login, token: RefreshToken, origin: Origin = ANY_ORIGIN) -> bool:
        """Have the account's hash looked at, and the family and its token inserted."""
        asked = {
            "p_id": login.id,
            "p_user": login.user_id,
            "p_only_if": origin.password_hash,
            "p_network": origin.network,
        }
        refused = self._connection.tell("open_login", asked | _described(token), _REFUSED)
        return refused is None

    def rotate(
        self, old_hash: str, token: RefreshToken, grace: timedelta, key: str | None = None
    ) -> Renewal | None:
        """Mark the old token, insert the new one; revoke the family after a late reuse."""
        asked = {
            "p_old_hash": old_hash,
            "p_grace_seconds": grace.total_seconds(),
            "p_seed": token.seed,
            "p_key": key,
        }
        rotated = self._connection.tell("rotate_token", asked | _described(token), _ROTATED)
        if rotated is None:
            return None
        if rotated.revoked is not None:
            self.forget(rotated.revoked)
        if rotated.id is None or rotated.user_id is None:
            return None
        return Renewal(Login(rotated.id, rotated.user_id), rotated.seed, rotated.is_spent)

    def knows_network(self, user_id: str, network: str) -> bool:
        """Look for a family that came from there."""
        if not is_uuid(user_id):
            return False
        asked = {"p_user": user_id, "p_network": network}
        return self._connection.ask("login_network_is_known", asked, TRUTH)

    def revoke(self, login_id: str) -> None:
        """Mark the family."""
        if is_uuid(login_id):
            self._revoke({"p_id": login_id})

    def revoke_all(self, user_id: str, *, but: str) -> None:
        """Mark all other families of the user, and forget where they came from."""
        if is_uuid(user_id):
            self._revoke({"p_user": user_id, "p_but": but if is_uuid(but) else None})

    def is_live(self, login_id: str) -> bool:
        """Look whether the login is remembered as live, or ask."""
        if not is_uuid(login_id):
            return False
        if login_id in self._live:
            return True
        is_live = self._connection.ask("login_is_live", {"p_id": login_id}, TRUTH)
        if is_live:
            self._live.remember(login_id)
        return is_live

    def forget(self, login_id: str | None) -> None:
        """Have the next question asked."""
        if login_id is None:
            self._live.clear()
        else:
            self._live.forget([login_id])

    def purge(self, expired_before: datetime) -> int:
        """Delete tokens chunk by chunk, and then the families that have none left."""
        purged = in_chunks(self._connection, "purge_tokens", {"p_before": expired_before})
        in_chunks(self._connection, "purge_logins", {})
        return purged

    def _revoke(self, which: dict[str, str | None]) -> None:
        revoked = self._connection.ask("revoke_logins", which, TEXTS)
        self._live.forget(revoked)


def _described(token: RefreshToken) -> dict[str, object]:
    return {
        "p_token_hash": token.token_hash,
        "p_issued_at": token.issued_at,
        "p_expires_at": token.expires_at,
    }

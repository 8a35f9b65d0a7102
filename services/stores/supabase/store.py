"""The Supabase store as a whole."""

from services.stores.base.bounds import USUAL, Bounds
from services.stores.base.store import Store
from services.stores.supabase.access.connection import Connection, ConnectionLimits
from services.stores.supabase.links import SupabaseLinks
from services.stores.supabase.live_logins import LiveLogins
from services.stores.supabase.logins import SupabaseLogins
from services.stores.supabase.messages import SupabaseMessages
from services.stores.supabase.runs import SupabaseRuns
from services.stores.supabase.sessions import SupabaseSessions
from services.stores.supabase.users import SupabaseUsers

LIVE_LOGINS = 10_000
"""How many logins are remembered as live; they take about 2 MB."""

REVOCATION_WINDOW_SECONDS = 3600.0


class SupabaseStore(Store):
    """One project, which any number of workers and machines share. Opened after a fork."""

    def __init__(
        self,
        url: str,
        key: str,
        limits: ConnectionLimits | None = None,
        *,
        revocation_window_seconds: float = REVOCATION_WINDOW_SECONDS,
        bounds: Bounds = USUAL,
    ) -> None:
        """Take the project's address and its secret (`service_role`) key; nothing is sent yet.

        The first beat learns of all logins that were revoked within the window, each later beat of
        those that were revoked since the beat before.
        """
        self._connection = Connection(url, key, limits or ConnectionLimits())
        live = LiveLogins(LIVE_LOGINS)
        self.users = SupabaseUsers(self._connection)
        self.logins = SupabaseLogins(self._connection, live)
        self.links = SupabaseLinks(self._connection)
        self.sessions = SupabaseSessions(self._connection, bounds)
        self.messages = SupabaseMessages(self._connection, bounds)
        self.runs = SupabaseRuns(self._connection, live, revocation_window_seconds, bounds)

    def ping(self) -> None:
        """Have the database begin to write, through the gateway and with our key.

        Nothing is deleted; a database that is read-only, as one with a full disk, refuses it.
        """
        self._connection.probe("forget_workers", {"p_workers": []})

    def tidy(self) -> None:
        """Do nothing: the database keeps itself in order."""

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

"""Deletes what a hidden session leaves behind, in short calls."""

from services.stores.supabase.access.connection import TEXTS, TRUTH, Connection

CHUNK = 1000
"""Rows in a call; the database's own vacuum removes their words from the full-text index later."""


def finish(connection: Connection, session_id: str) -> None:
    """Delete a hidden session."""
    asked = {"p_session": session_id, "p_limit": CHUNK}
    while connection.ask("delete_hidden", asked, TRUTH):
        pass


def finish_all(connection: Connection) -> int:
    """Delete the hidden sessions that a crash has left; return how many."""
    total = 0
    while hidden := connection.ask("hidden_sessions", {"p_limit": CHUNK}, TEXTS):
        for session_id in hidden:
            finish(connection, session_id)
        total += len(hidden)
    return total

"""Logins in SQLite."""

import sqlite3
from datetime import datetime, timedelta

from services.stores.base.ids import is_uuid
from services.stores.base.logins import Login, LoginStore, RefreshToken
from services.stores.base.times import time_of, time_text
from services.stores.sqlite.file.database import Database
from services.stores.sqlite.purge import in_chunks


class SqliteLogins(LoginStore):
    """Families of refresh tokens; each token is one row, marked when it is used."""

    def __init__(self, database: Database) -> None:
        """Work on a migrated database."""
        self._database = database

    def open(self, login: Login, token: RefreshToken) -> None:
        """Insert the family and its token."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO logins (id, user_id, created_at) VALUES (?, ?, ?)",
                (login.id, login.user_id, time_text(token.issued_at)),
            )
            _insert_token(connection, login.id, token)

    def rotate(self, old_hash: str, token: RefreshToken, grace: timedelta) -> Login | None:
        """Mark the old token, insert the new one; revoke the family after a late reuse."""
        now = token.issued_at
        with self._database.write() as connection:
            old = connection.execute(
                "SELECT t.*, l.user_id FROM refresh_tokens AS t"
                " JOIN logins AS l ON l.id = t.login_id AND l.revoked = 0 WHERE t.token_hash = ?",
                (old_hash,),
            ).fetchone()
            if old is None:
                return None
            if old["used_at"] is not None and now - time_of(old["used_at"]) > grace:
                _revoke(connection, old["login_id"])
                return None
            if time_of(old["expires_at"]) <= now:
                return None
            connection.execute(
                "UPDATE refresh_tokens SET used_at = coalesce(used_at, ?) WHERE token_hash = ?",
                (time_text(now), old_hash),
            )
            _insert_token(connection, old["login_id"], token)
            return Login(old["login_id"], old["user_id"])

    def revoke(self, login_id: str) -> None:
        """Mark the family."""
        if is_uuid(login_id):
            with self._database.write() as connection:
                _revoke(connection, login_id)

    def revoke_all(self, user_id: str, *, but: str) -> None:
        """Mark all other families of the user."""
        if is_uuid(user_id):
            with self._database.write() as connection:
                connection.execute(
                    "UPDATE logins SET revoked = 1 WHERE user_id = ? AND id <> ?",
                    (user_id, but if is_uuid(but) else ""),
                )

    def is_live(self, login_id: str) -> bool:
        """Look for the family, and whether it is revoked."""
        if not is_uuid(login_id):
            return False
        found = self._database.look(
            "SELECT 1 FROM logins WHERE id = ? AND revoked = 0", (login_id,)
        )
        return found is not None

    def forget(self, login_id: str | None) -> None:
        """Do nothing: no answer is remembered, each question is answered from the file."""

    def purge(self, expired_before: datetime) -> int:
        """Delete tokens chunk by chunk, off the hub, and then the families that have none left."""
        before = time_text(expired_before)

        def tokens(connection: sqlite3.Connection, limit: int) -> int:
            return connection.execute(
                "DELETE FROM refresh_tokens WHERE rowid IN"
                " (SELECT rowid FROM refresh_tokens WHERE expires_at < ? LIMIT ?)",
                (before, limit),
            ).rowcount

        purged = in_chunks(self._database, tokens)
        in_chunks(self._database, _delete_empty_families)
        return purged


def _insert_token(connection: sqlite3.Connection, login_id: str, token: RefreshToken) -> None:
    connection.execute(
        "INSERT INTO refresh_tokens (token_hash, login_id, issued_at, expires_at)"
        " VALUES (?, ?, ?, ?)",
        (token.token_hash, login_id, time_text(token.issued_at), time_text(token.expires_at)),
    )


def _revoke(connection: sqlite3.Connection, login_id: str) -> None:
    connection.execute("UPDATE logins SET revoked = 1 WHERE id = ?", (login_id,))


def _delete_empty_families(connection: sqlite3.Connection, limit: int) -> int:
    return connection.execute(
        "DELETE FROM logins WHERE id IN"
        " (SELECT l.id FROM logins AS l WHERE NOT EXISTS"
        " (SELECT 1 FROM refresh_tokens AS t WHERE t.login_id = l.id) LIMIT ?)",
        (limit,),
    ).rowcount

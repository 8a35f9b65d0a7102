"""Logins in SQLite."""

import sqlite3
from datetime import datetime, timedelta

from services.stores.base.accounts.logins import (
    ANY_ORIGIN,
    Login,
    LoginStore,
    Origin,
    RefreshToken,
    Renewal,
)
from services.stores.base.ids import is_uuid
from services.stores.base.times import time_of, time_text
from services.stores.sqlite.file.database import Database
from services.stores.sqlite.purge import in_chunks

_OLD_AND_NEXT = """
SELECT t.*, l.user_id, n.token_hash AS next_id, n.used_at AS next_used_at,
  coalesce(n.expires_at, t.expires_at) AS living_until
FROM refresh_tokens AS t
JOIN logins AS l ON l.id = t.login_id AND l.revoked = 0
LEFT JOIN refresh_tokens AS n ON n.token_hash = t.next_hash
WHERE t.token_hash = ?
"""


class SqliteLogins(LoginStore):
    """Families of refresh tokens; each token is one row, marked when it is used."""

    def __init__(self, database: Database) -> None:
        """Work on a migrated database."""
        self._database = database

    def open(self, login: Login, token: RefreshToken, origin: Origin = ANY_ORIGIN) -> bool:
        """Look at the account's hash, then insert the family and its token."""
        with self._database.write() as connection:
            if origin.password_hash is not None and not _has_hash(connection, login, origin):
                return False
            connection.execute(
                "INSERT INTO logins (id, user_id, created_at, network) VALUES (?, ?, ?, ?)",
                (login.id, login.user_id, time_text(token.issued_at), origin.network),
            )
            _insert_token(connection, login.id, token)
            return True

    def rotate(
        self, old_hash: str, token: RefreshToken, grace: timedelta, key: str | None = None
    ) -> Renewal | None:
        """Mark the old token, insert the new one; revoke the family after a late reuse."""
        now = token.issued_at
        with self._database.write() as connection:
            old = connection.execute(_OLD_AND_NEXT, (old_hash,)).fetchone()
            if old is None:
                return None
            if _is_late(old, now, grace) and not _is_asked_again(old, key):
                _revoke(connection, old["login_id"])
                return None
            if time_of(old["living_until"]) <= now:
                return None
            login = Login(old["login_id"], old["user_id"])
            if old["next_id"] is not None:
                return Renewal(login, old["next_seed"], old["next_used_at"] is not None)
            connection.execute(
                "UPDATE refresh_tokens SET used_at = coalesce(used_at, ?), used_with = ?,"
                " next_hash = ?, next_seed = ? WHERE token_hash = ?",
                (time_text(now), key, token.token_hash, token.seed, old_hash),
            )
            _insert_token(connection, login.id, token)
            return Renewal(login, token.seed)

    def knows_network(self, user_id: str, network: str) -> bool:
        """Look for a family that came from there."""
        if not is_uuid(user_id):
            return False
        found = self._database.look(
            "SELECT 1 FROM logins WHERE user_id = ? AND network = ? LIMIT 1", (user_id, network)
        )
        return found is not None

    def revoke(self, login_id: str) -> None:
        """Mark the family."""
        if is_uuid(login_id):
            with self._database.write() as connection:
                _revoke(connection, login_id)

    def revoke_all(self, user_id: str, *, but: str) -> None:
        """Mark all other families of the user, and forget where they came from."""
        if is_uuid(user_id):
            with self._database.write() as connection:
                end_logins(connection, user_id, but)

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


def end_logins(connection: sqlite3.Connection, user_id: str, but: str) -> None:
    """Mark all families of a user but one, within a transaction, and forget their networks."""
    connection.execute(
        "UPDATE logins SET revoked = 1, network = NULL WHERE user_id = ? AND id <> ?",
        (user_id, but if is_uuid(but) else ""),
    )


def _has_hash(connection: sqlite3.Connection, login: Login, origin: Origin) -> bool:
    found = connection.execute(
        "SELECT 1 FROM users WHERE id = ? AND password_hash = ?",
        (login.user_id, origin.password_hash),
    )
    return found.fetchone() is not None


def _is_late(old: sqlite3.Row, now: datetime, grace: timedelta) -> bool:
    return old["used_at"] is not None and now - time_of(old["used_at"]) > grace


def _is_asked_again(old: sqlite3.Row, key: str | None) -> bool:
    """Tell whether the answer to the first use was lost, as far as anybody can know."""
    if key is None or old["used_with"] != key:
        return False
    return old["next_id"] is not None and old["next_used_at"] is None


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

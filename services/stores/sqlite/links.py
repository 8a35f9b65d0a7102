"""One-time links in SQLite."""

import sqlite3
from datetime import datetime

from services.domain.users import User
from services.stores.base.accounts.links import Link, LinkPurpose, LinkStore
from services.stores.base.accounts.users import NewUser
from services.stores.base.times import time_of, time_text
from services.stores.sqlite.file.database import Database
from services.stores.sqlite.purge import in_chunks
from services.stores.sqlite.users import insert_user


class SqliteLinks(LinkStore):
    """Each link is one row, which is deleted when the link is used."""

    def __init__(self, database: Database) -> None:
        """Work on a migrated database."""
        self._database = database

    def add(self, link: Link) -> None:
        """Insert the link in place of older ones; a subject of NULL equals no other."""
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM account_links WHERE purpose = ? AND subject = ?",
                (link.purpose, link.subject),
            )
            connection.execute(
                "INSERT INTO account_links (token_hash, purpose, subject, created_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    link.token_hash,
                    link.purpose,
                    link.subject,
                    time_text(link.created_at),
                    time_text(link.expires_at),
                ),
            )

    def find(self, purpose: LinkPurpose, token_hash: str, now: datetime) -> Link | None:
        """Look the hash up."""
        row = self._database.look(
            "SELECT * FROM account_links WHERE token_hash = ? AND purpose = ? AND expires_at > ?",
            (token_hash, purpose, time_text(now)),
        )
        return None if row is None else _link_of(row)

    def redeem_invitation(self, token_hash: str, now: datetime, new: NewUser) -> User | None:
        """Delete the link and insert the account; where that is refused, neither was done."""
        with self._database.write() as connection:
            if _used_up(connection, LinkPurpose.INVITATION, token_hash, now) is None:
                return None
            return insert_user(connection, new)

    def redeem_reset(self, token_hash: str, now: datetime, new_hash: str) -> bool:
        """Delete the link, write the hash, mark the logins."""
        with self._database.write() as connection:
            used = _used_up(connection, LinkPurpose.RESET, token_hash, now)
            if used is None:
                return False
            account = used["subject"]
            changed = connection.execute(
                "UPDATE users SET password_hash = ? WHERE id = ?", (new_hash, account)
            )
            connection.execute(
                "UPDATE logins SET revoked = 1, network = NULL WHERE user_id = ?", (account,)
            )
            return changed.rowcount == 1

    def purge(self, expired_before: datetime) -> int:
        """Delete links chunk by chunk, off the hub."""
        before = time_text(expired_before)

        def links(connection: sqlite3.Connection, limit: int) -> int:
            return connection.execute(
                "DELETE FROM account_links WHERE rowid IN"
                " (SELECT rowid FROM account_links WHERE expires_at < ? LIMIT ?)",
                (before, limit),
            ).rowcount

        return in_chunks(self._database, links)


def _used_up(
    connection: sqlite3.Connection, purpose: LinkPurpose, token_hash: str, now: datetime
) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "DELETE FROM account_links WHERE token_hash = ? AND purpose = ? AND expires_at > ?"
        " RETURNING subject",
        (token_hash, purpose, time_text(now)),
    ).fetchone()
    return row


def _link_of(row: sqlite3.Row) -> Link:
    return Link(
        token_hash=row["token_hash"],
        purpose=LinkPurpose(row["purpose"]),
        subject=row["subject"],
        created_at=time_of(row["created_at"]),
        expires_at=time_of(row["expires_at"]),
    )

"""Accounts in SQLite."""

import sqlite3
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from services.domain.users import Role, User
from services.stores.base import refusals
from services.stores.base.accounts.emails import KeptUser, compared, found_by
from services.stores.base.accounts.users import Credentials, NewUser, UserStore
from services.stores.base.ids import is_uuid
from services.stores.base.times import time_of, time_text
from services.stores.sqlite.file.database import Database
from services.stores.sqlite.logins import end_logins


class SqliteUsers(UserStore):
    """All accounts belong to one tenant, the installation's own, made with the first account."""

    def __init__(self, database: Database) -> None:
        """Work on a migrated database."""
        self._database = database

    def tenant_id(self) -> str:
        """Read the oldest tenant."""
        with self._database.write() as connection:
            return _own_tenant(connection, time_text(datetime.now(UTC)))

    def add(self, new: NewUser) -> User:
        """Insert the account, and the tenant with the first one."""
        if self.credentials(new.email) is not None:  # rewrites what an older release folded
            raise refusals.email_taken()
        with self._database.write() as connection:
            return insert_user(connection, new)

    def credentials(self, email: str) -> Credentials | None:
        """Look the compared address up."""
        return found_by(email, self._find, self._rewrite) if _is_text(email) else None

    def get(self, user_id: str) -> Credentials | None:
        """Look the id up."""
        if not is_uuid(user_id):
            return None
        with self._database.read() as connection:
            found = connection.execute("SELECT * FROM users WHERE id = ?", (user_id,)).fetchone()
            return None if found is None else _credentials_of(found)

    def set_password(self, user_id: str, new_hash: str, *, only_if: str) -> bool:
        """Compare and replace in one statement."""
        if not is_uuid(user_id):
            return False
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?",
                (new_hash, user_id, only_if),
            )
            return changed.rowcount == 1

    def change_password(self, user_id: str, new_hash: str, *, only_if: str, but: str) -> bool:
        """Compare and replace, and then end what stood on the old password."""
        if not is_uuid(user_id):
            return False
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?",
                (new_hash, user_id, only_if),
            )
            if changed.rowcount == 1:
                end_logins(connection, user_id, but)
                connection.execute(
                    "DELETE FROM account_links WHERE purpose = 'reset' AND subject = ?", (user_id,)
                )
            return changed.rowcount == 1

    def set_role(self, user_id: str, role: Role) -> bool:
        """Write the role."""
        if not is_uuid(user_id):
            return False
        with self._database.write() as connection:
            changed = connection.execute("UPDATE users SET role = ? WHERE id = ?", (role, user_id))
            return changed.rowcount == 1

    def _find(self, form: str) -> KeptUser | None:
        with self._database.read() as connection:
            found = connection.execute("SELECT * FROM users WHERE email_folded = ?", (form,))
            row = found.fetchone()
        return None if row is None else KeptUser(_credentials_of(row), row["email_folded"])

    def _rewrite(self, kept: KeptUser, form: str) -> bool:
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE OR IGNORE users SET email_folded = ? WHERE id = ? AND email_folded = ?",
                (form, kept.credentials.user.id, kept.compared),
            )
            return changed.rowcount == 1


def insert_user(connection: sqlite3.Connection, new: NewUser) -> User:
    """Insert an account within a transaction, or raise EmailTaken."""
    created_at = time_text(new.created_at)
    folded = compared(new.email)
    taken = connection.execute("SELECT 1 FROM users WHERE email_folded = ?", (folded,))
    if taken.fetchone():
        raise refusals.email_taken()
    any_user = connection.execute("SELECT 1 FROM users LIMIT 1").fetchone()
    row = connection.execute(
        "INSERT INTO users"
        " (id, tenant_id, email, email_folded, name, role, password_hash, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (
            new.id,
            _own_tenant(connection, created_at),
            new.email,
            folded,
            new.name,
            new.role or (Role.MEMBER if any_user else Role.ADMIN),
            new.password_hash,
            created_at,
        ),
    ).fetchone()
    return _user_of(row)


def _user_of(row: sqlite3.Row) -> User:
    return User(
        id=row["id"],
        tenant_id=row["tenant_id"],
        email=row["email"],
        name=row["name"],
        role=Role(row["role"]),
        created_at=time_of(row["created_at"]),
    )


def _credentials_of(row: sqlite3.Row) -> Credentials:
    return Credentials(_user_of(row), row["password_hash"])


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _own_tenant(connection: sqlite3.Connection, created_at: str) -> str:
    row = connection.execute("SELECT id FROM tenants ORDER BY created_at LIMIT 1").fetchone()
    if row is not None:
        return str(row["id"])
    tenant_id = str(uuid7())
    connection.execute(
        "INSERT INTO tenants (id, name, created_at) VALUES (?, 'Charla', ?)",
        (tenant_id, created_at),
    )
    return tenant_id

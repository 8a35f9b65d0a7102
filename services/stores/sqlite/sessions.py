"""Sessions in SQLite."""

import json
import sqlite3
from contextlib import suppress
from dataclasses import fields
from datetime import datetime

from services.domain.errors.conflicts import RunActive
from services.domain.errors.outages import StoreUnavailable
from services.domain.errors.requests import InvalidCursor
from services.domain.paging import Page, decode_cursor, encode_cursor
from services.domain.runs import IdempotencyKey
from services.domain.sessions import NewSession, Session, SessionChanges, SessionFilter
from services.stores.base import refusals
from services.stores.base.ids import is_uuid
from services.stores.base.runs import Replay
from services.stores.base.sessions import SessionStore
from services.stores.sqlite import deletions
from services.stores.sqlite.file.database import Database, Mode
from services.stores.sqlite.rows import json_text, session_of, time_of, time_text
from services.stores.sqlite.search import fold, match_expression, words_of
from services.stores.sqlite.turns import keys

_CURSOR = "sessions"
_FIRST_PAGE = ("~", "")
"""A position before all sessions: no time sorts behind a tilde."""

_LIST = """
SELECT * FROM session_rows
WHERE user_id = :user_id AND archived = :archived AND (updated_at, id) < (:updated_at, :id)
ORDER BY updated_at DESC, id DESC LIMIT :limit
"""

_SEARCH = """
SELECT * FROM session_rows AS s
WHERE user_id = :user_id AND archived = :archived AND (updated_at, id) < (:updated_at, :id)
  AND (
    (title_folded IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM json_each(:words) AS word WHERE instr(s.title_folded, word.value) = 0
    ))
    OR id IN (
      SELECT m.session_id FROM message_words AS w JOIN messages AS m ON m.seq = w.rowid
      WHERE w.message_words MATCH :expression
    )
  )
ORDER BY updated_at DESC, id DESC LIMIT :limit
"""

_CHANGE = """
UPDATE sessions SET title = :title, title_folded = :title_folded, archived = :archived,
  system_prompt = :system_prompt, provider = :provider, model = :model, metadata = :metadata,
  updated_at = :updated_at
WHERE id = :id
"""


class SqliteSessions(SessionStore):
    """Sessions; which run is active is read from the runs, not stored twice."""

    def __init__(self, database: Database) -> None:
        """Work on a migrated database."""
        self._database = database

    def create(self, new: NewSession, key: IdempotencyKey | None = None) -> Session:
        """Insert a session, or read the one that the key made."""
        with self._database.write() as connection:
            known = keys.find(connection, new.user_id, key) if key else None
            if known is not None:
                return session_of(owned(connection, new.user_id, known.session_id))
            insert(connection, new)
            if key:
                made = Replay(new.id, None)
                keys.remember(connection, new.user_id, key, made, new.created_at)
            return session_of(owned(connection, new.user_id, new.id))

    def get(self, user_id: str, session_id: str) -> Session:
        """Read the row."""
        with self._database.read() as connection:
            return session_of(owned(connection, user_id, session_id))

    def list(self, user_id: str, wanted: SessionFilter) -> Page[Session]:
        """Read a page along the index; a search runs off the hub."""
        position = _FIRST_PAGE if wanted.cursor is None else _position(wanted.cursor)
        if not is_uuid(user_id):
            return Page([])
        asked = {
            "user_id": user_id,
            "archived": wanted.archived,
            "updated_at": position[0],
            "id": position[1],
            "limit": wanted.limit + 1,
        }
        if wanted.query is None:
            with self._database.read() as connection:
                return _page(connection.execute(_LIST, asked).fetchall(), wanted.limit)
        words = words_of(wanted.query)
        if not words:
            return Page([])
        asked["words"] = json.dumps([fold(word) for word in words])
        asked["expression"] = match_expression(user_id, words)
        rows = self._database.aside(
            Mode.READ, lambda connection: connection.execute(_SEARCH, asked).fetchall()
        )
        return _page(rows, wanted.limit)

    def change(
        self, user_id: str, session_id: str, changes: SessionChanges, now: datetime
    ) -> Session:
        """Write the row with what was given."""
        unknown = changes.given - {field.name for field in fields(changes)}
        if unknown:
            raise ValueError(f"A session has no {', '.join(sorted(unknown))} to change.")
        if not changes.given:
            return self.get(user_id, session_id)
        with self._database.write() as connection:
            row = owned(connection, user_id, session_id)
            values = {name: row[name] for name in row.keys()} | _changed(changes)  # noqa: SIM118 - a Row iterates over its values
            values["updated_at"] = time_text(now)
            connection.execute(_CHANGE, values)
            return session_of(owned(connection, user_id, session_id))

    def delete(self, user_id: str, session_id: str) -> None:
        """Hide the session in one short write; then delete it chunk by chunk, off the hub."""
        with self._database.write() as connection:
            active_run = owned(connection, user_id, session_id)["active_run"]
            if active_run is not None:
                raise RunActive(active_run)
            deletions.hide(connection, session_id)
        # It is gone for everybody: what cannot be deleted now, the purge of the runs deletes later.
        with suppress(StoreUnavailable):
            deletions.finish(self._database, session_id)


def owned(connection: sqlite3.Connection, user_id: str, session_id: str) -> sqlite3.Row:
    """Read the row of a user's session, or raise NotFound."""
    row: sqlite3.Row | None = None
    if is_uuid(user_id) and is_uuid(session_id):
        row = connection.execute(
            "SELECT * FROM session_rows WHERE id = ? AND user_id = ?", (session_id, user_id)
        ).fetchone()
    if row is None:
        raise refusals.no_session()
    return row


def insert(connection: sqlite3.Connection, new: NewSession) -> None:
    """Insert a session as part of a transaction."""
    created_at = time_text(new.created_at)
    connection.execute(
        "INSERT INTO sessions (id, user_id, tenant_id, title, title_folded, system_prompt,"
        " provider, model, metadata, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.id,
            new.user_id,
            new.tenant_id,
            new.title,
            _folded(new.title),
            new.system_prompt,
            new.choice.provider,
            new.choice.model,
            json_text(new.metadata),
            created_at,
            created_at,
        ),
    )


def _changed(changes: SessionChanges) -> dict[str, object]:
    values: dict[str, object] = {}
    if "title" in changes.given:
        values |= {"title": changes.title, "title_folded": _folded(changes.title)}
    if "archived" in changes.given:
        values["archived"] = changes.archived
    if "system_prompt" in changes.given:
        values["system_prompt"] = changes.system_prompt
    if "choice" in changes.given:
        values |= {"provider": changes.choice.provider, "model": changes.choice.model}
    if "metadata" in changes.given:
        values["metadata"] = json_text(changes.metadata)
    return values


def _folded(title: str | None) -> str | None:
    return None if title is None else fold(title)


def _position(cursor: str) -> tuple[str, str]:
    kind, updated_at, session_id = decode_cursor(cursor, 3)
    try:
        is_time = time_text(time_of(updated_at)) == updated_at
    except (ValueError, OverflowError):
        is_time = False
    if kind != _CURSOR or not is_time or not is_uuid(session_id):
        raise InvalidCursor
    return updated_at, session_id


def _page(rows: list[sqlite3.Row], limit: int) -> Page[Session]:
    items = [session_of(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(items)
    last = rows[limit - 1]
    return Page(items, encode_cursor(_CURSOR, last["updated_at"], last["id"]))

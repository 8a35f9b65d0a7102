"""Sessions in SQLite."""

import json
import sqlite3
from contextlib import suppress
from datetime import datetime

from services.domain.catalog import ModelChoice
from services.domain.errors.conflicts import RunActive
from services.domain.errors.outages import StoreUnavailable
from services.domain.paging import Page
from services.domain.runs import IdempotencyKey
from services.domain.sessions import NewSession, Session, SessionChanges, SessionFilter
from services.stores.base import refusals
from services.stores.base.bounds import USUAL, Bounds
from services.stores.base.ids import is_uuid
from services.stores.base.runs import Replay
from services.stores.base.sessions import (
    SessionStore,
    changed_columns,
    metadata_of,
    metadata_text,
    session_page,
    session_position,
)
from services.stores.base.times import time_of, time_text
from services.stores.sqlite import deletions, storage
from services.stores.sqlite.file.database import Database, Mode, TookTooLong
from services.stores.sqlite.search import fold, match_expression, words_of
from services.stores.sqlite.turns import keys

_AFTER_ALL_TIMES = "~"
"""Where the first page begins: no time sorts after a tilde."""

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

    def __init__(self, database: Database, bounds: Bounds = USUAL) -> None:
        """Work on a migrated database."""
        self._database = database
        self._bounds = bounds

    def create(self, new: NewSession, key: IdempotencyKey | None = None) -> Session:
        """Insert a session, or read the one that the key made."""
        with self._database.write() as connection:
            known = keys.find(connection, new.user_id, key) if key else None
            if known is not None:
                return session_of(owned(connection, new.user_id, known.session_id))
            storage.check_room(connection, new.user_id, self._bounds.stored_bytes)
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
        before = None if wanted.cursor is None else session_position(wanted.cursor)
        if not is_uuid(user_id):
            return Page([])
        asked = {
            "user_id": user_id,
            "archived": wanted.archived,
            "updated_at": _AFTER_ALL_TIMES if before is None else time_text(before.updated_at),
            "id": "" if before is None else before.id,
            "limit": wanted.limit + 1,
        }
        if wanted.query is None:
            with self._database.read() as connection:
                return self._page(connection.execute(_LIST, asked), wanted.limit)
        words = words_of(wanted.query)
        if not words:
            return Page([])
        asked["words"] = json.dumps([fold(word) for word in words])
        asked["expression"] = match_expression(user_id, words)
        try:
            return self._database.aside(
                Mode.READ,
                lambda connection: self._page(connection.execute(_SEARCH, asked), wanted.limit),
                self._bounds.search_seconds,
            )
        except TookTooLong:
            raise refusals.search_too_broad() from None

    def change(
        self, user_id: str, session_id: str, changes: SessionChanges, now: datetime
    ) -> Session:
        """Write the row with the given changes."""
        columns = _changed(changes)
        if not columns:
            return self.get(user_id, session_id)
        with self._database.write() as connection:
            row = owned(connection, user_id, session_id)
            values = {name: row[name] for name in row.keys()} | columns  # noqa: SIM118 - a Row iterates over its values
            values["updated_at"] = time_text(now)
            before = storage.kept_by(connection, user_id)
            connection.execute(_CHANGE, values)
            if storage.kept_by(connection, user_id) > before:
                storage.check_room(connection, user_id, self._bounds.stored_bytes, before)
            return session_of(owned(connection, user_id, session_id))

    def delete(self, user_id: str, session_id: str) -> None:
        """Hide the session in one short write; then delete it chunk by chunk, off the hub."""
        with self._database.write() as connection:
            active_run = owned(connection, user_id, session_id)["active_run"]
            if active_run is not None:
                raise RunActive(active_run)
            deletions.hide(connection, session_id)
        # Nobody sees it any more: what cannot be deleted now, the purge of the runs deletes later.
        with suppress(StoreUnavailable):
            deletions.finish(self._database, session_id)

    def _page(self, rows: sqlite3.Cursor, limit: int) -> Page[Session]:
        """Read row by row: what comes after the page stays unread."""
        page: list[Session] = []
        left = self._bounds.page_bytes
        for row in rows:
            if len(page) == limit or left <= 0:
                rows.close()
                return session_page(page, more=True)
            left -= len(row["metadata"].encode()) + len((row["system_prompt"] or "").encode())
            page.append(session_of(row))
        return session_page(page, more=False)


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
            metadata_text(new.metadata),
            created_at,
            created_at,
        ),
    )


def session_of(row: sqlite3.Row) -> Session:
    """Read a row of the view `session_rows`."""
    return Session(
        id=row["id"],
        user_id=row["user_id"],
        title=row["title"],
        created_at=time_of(row["created_at"]),
        updated_at=time_of(row["updated_at"]),
        active_run=row["active_run"],
        system_prompt=row["system_prompt"],
        choice=ModelChoice(row["provider"], row["model"]),
        metadata=metadata_of(row["metadata"]),
        archived=bool(row["archived"]),
    )


def _changed(changes: SessionChanges) -> dict[str, object]:
    columns = changed_columns(changes)
    if "title" in columns:
        columns["title_folded"] = _folded(changes.title)
    if "metadata" in columns:
        columns["metadata"] = metadata_text(changes.metadata)
    return columns


def _folded(title: str | None) -> str | None:
    return None if title is None else fold(title)

"""Messages in SQLite."""

import sqlite3

from services.domain.errors.requests import InvalidCursor
from services.domain.paging import Page
from services.domain.sessions import Message, MessageRole, MessageStatus
from services.stores.base.bounds import USUAL, Bounds
from services.stores.base.messages import (
    MessageList,
    MessageStore,
    cursor_message,
    message_page,
)
from services.stores.base.times import time_of
from services.stores.sqlite.answers import answer_cost, answer_finish, answer_usage
from services.stores.sqlite.file.database import Database
from services.stores.sqlite.sessions import owned
from services.stores.sqlite.turns.checkpoints import text_so_far

_NEWEST = 2**63 - 1

# The depth is bounded inside the recursion: the cost depends on the page, not on the session. The
# walk goes from one message to the next, so its rows are in their order. Sorting them would read
# all texts before the first is given.
_BRANCH = """
WITH RECURSIVE walk (depth, id) AS (
  SELECT 1, :start
  UNION ALL
  SELECT walk.depth + 1, m.parent_id FROM walk JOIN messages AS m ON m.id = walk.id
  WHERE walk.depth < :limit AND m.parent_id IS NOT NULL
)
SELECT m.* FROM walk CROSS JOIN messages AS m ON m.id = walk.id
"""

_TREE = """
SELECT * FROM messages WHERE session_id = :session_id AND seq <= :start
ORDER BY seq DESC LIMIT :limit
"""


class SqliteMessages(MessageStore):
    """Pages of messages; a cursor names the newest message of the page that it leads to."""

    def __init__(self, database: Database, bounds: Bounds = USUAL) -> None:
        """Work on a migrated database."""
        self._database = database
        self._bounds = bounds

    def branch(
        self, user_id: str, session_id: str, limit: int, cursor: str | None = None
    ) -> Page[Message]:
        """Walk up the parents from the active leaf, or from where the last page ended."""
        with self._database.read() as connection:
            start = owned(connection, user_id, session_id)["active_leaf"]
            if cursor is not None:
                start = _message_at(connection, session_id, MessageList.BRANCH, cursor)["id"]
            asked = {"start": start, "limit": limit + 1}
            rows = connection.execute(_BRANCH, asked)
            return self._page(connection, MessageList.BRANCH, rows, limit)

    def tree(
        self, user_id: str, session_id: str, limit: int, cursor: str | None = None
    ) -> Page[Message]:
        """Read the session's messages in the order of their creation, from the newest on."""
        with self._database.read() as connection:
            owned(connection, user_id, session_id)
            start = _NEWEST
            if cursor is not None:
                start = _message_at(connection, session_id, MessageList.TREE, cursor)["seq"]
            asked = {"session_id": session_id, "start": start, "limit": limit + 1}
            rows = connection.execute(_TREE, asked)
            return self._page(connection, MessageList.TREE, rows, limit)

    def _page(
        self, connection: sqlite3.Connection, which: MessageList, rows: sqlite3.Cursor, limit: int
    ) -> Page[Message]:
        """Read row by row: what comes after the page stays unread."""
        page: list[Message] = []
        left = self._bounds.page_bytes
        for row in rows:
            if len(page) == limit or left <= 0:
                rows.close()
                return message_page(which, page, row["id"])
            content = _content(connection, row)
            left -= len(content.encode())
            page.append(_message_of(row, content))
        return message_page(which, page, None)


def _message_at(
    connection: sqlite3.Connection, session_id: str, which: MessageList, cursor: str
) -> sqlite3.Row:
    message_id = cursor_message(which, cursor)
    row: sqlite3.Row | None = connection.execute(
        "SELECT id, seq FROM messages WHERE id = ? AND session_id = ?", (message_id, session_id)
    ).fetchone()
    if row is None:
        raise InvalidCursor
    return row


def _message_of(row: sqlite3.Row, content: str) -> Message:
    """Read a message, whose content may come from checkpoints."""
    return Message(
        id=row["id"],
        session_id=row["session_id"],
        parent_id=row["parent_id"],
        role=MessageRole(row["role"]),
        content=content,
        status=MessageStatus(row["status"]),
        created_at=time_of(row["created_at"]),
        finish_reason=answer_finish(row),
        model=row["model"],
        provider=row["provider"],
        usage=answer_usage(row),
        cost=answer_cost(row),
    )


def _content(connection: sqlite3.Connection, row: sqlite3.Row) -> str:
    if row["status"] != MessageStatus.STREAMING:
        return str(row["content"])
    run = connection.execute("SELECT id FROM runs WHERE message_id = ?", (row["id"],)).fetchone()
    return text_so_far(connection, run["id"])

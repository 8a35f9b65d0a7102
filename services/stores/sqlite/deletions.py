"""Deletes what a session leaves behind, in many short transactions.

A session is hidden first, in one short write: `session_rows`, `keys.find` and the runs skip what is
hidden, so the order of the rest does not matter, and nothing of it can be seen after a crash.
"""

import sqlite3

from services.stores.sqlite.file.database import Database, Mode
from services.stores.sqlite.purge import CHUNK

CHUNK_CHARACTERS = 500_000
"""Characters of text in a transaction: removing them from the full-text index takes 10 to 40 ms."""

_KEYS = """
DELETE FROM idempotency_keys WHERE (user_id, key_hash) IN
  (SELECT user_id, key_hash FROM idempotency_keys WHERE session_id = ? LIMIT ?)
"""

_CHECKPOINTS = """
DELETE FROM checkpoints WHERE (run_id, epoch, seq) IN
  (SELECT c.run_id, c.epoch, c.seq FROM runs AS r CROSS JOIN checkpoints AS c ON c.run_id = r.id
   WHERE r.session_id = ? LIMIT ?)
"""

_RUNS = "DELETE FROM runs WHERE seq IN (SELECT seq FROM runs WHERE session_id = ? LIMIT ?)"


def hide(connection: sqlite3.Connection, session_id: str) -> None:
    """Hide a session, and all that belongs to it, from everybody."""
    connection.execute("UPDATE sessions SET deleted = 1 WHERE id = ?", (session_id,))


def finish(database: Database, session_id: str) -> None:
    """Delete a hidden session, off the hub; other writers get their turns in between."""
    while database.aside(Mode.WRITE, lambda connection: _more_is_left(connection, session_id)):
        database.let_writers_in()


def finish_all(database: Database) -> int:
    """Delete the hidden sessions that a crash or a lock has left; return how many."""
    with database.read() as connection:
        hidden = connection.execute("SELECT id FROM sessions WHERE deleted = 1").fetchall()
    for row in hidden:
        finish(database, row["id"])
    return len(hidden)


def _more_is_left(connection: sqlite3.Connection, session_id: str) -> bool:
    """Delete a chunk, or the session's row once nothing else is left; tell if more is left."""
    left = CHUNK
    for statement in (_KEYS, _CHECKPOINTS, _RUNS):
        left -= connection.execute(statement, (session_id, left)).rowcount
        if left == 0:
            return True
    if _more_messages_are_left(connection, session_id, left):
        return True
    connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
    return False


def _more_messages_are_left(connection: sqlite3.Connection, session_id: str, limit: int) -> bool:
    # The rows are read one by one: the texts after the last row of the chunk stay unread.
    rows = connection.execute(
        "SELECT seq, length(content) AS size FROM messages WHERE session_id = ? ORDER BY seq",
        (session_id,),
    )
    characters, last, more = 0, 0, False
    for count, row in enumerate(rows):
        more = count == limit or characters >= CHUNK_CHARACTERS
        if more:
            break
        characters += row["size"]
        last = row["seq"]
    rows.close()
    connection.execute("DELETE FROM messages WHERE session_id = ? AND seq <= ?", (session_id, last))
    return more

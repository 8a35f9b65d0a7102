"""Idempotency keys in SQLite; part of the transaction that they protect."""

import sqlite3
from datetime import datetime

from services.domain.runs import IdempotencyKey
from services.stores.base import refusals
from services.stores.base.runs import Replay
from services.stores.base.times import time_text


def find(connection: sqlite3.Connection, user_id: str, key: IdempotencyKey) -> Replay | None:
    """Look a key up, or raise KeyReused if it was used with another body."""
    row = connection.execute(
        "SELECT k.* FROM idempotency_keys AS k"
        " JOIN sessions AS s ON s.id = k.session_id AND s.deleted = 0"
        " WHERE k.user_id = ? AND k.key_hash = ?",
        (user_id, key.key_hash),
    ).fetchone()
    if row is None:
        return None
    if row["body_hash"] != key.body_hash:
        raise refusals.key_reused()
    return Replay(row["session_id"], row["run_id"])


def remember(
    connection: sqlite3.Connection,
    user_id: str,
    key: IdempotencyKey,
    made: Replay,
    created_at: datetime,
) -> None:
    """Keep what a request with this key made; `find` has not found the key."""
    # The key of a session that is being deleted may still be there.
    connection.execute(
        "INSERT OR REPLACE INTO idempotency_keys"
        " (user_id, key_hash, body_hash, session_id, run_id, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            user_id,
            key.key_hash,
            key.body_hash,
            made.session_id,
            made.run_id,
            time_text(created_at),
        ),
    )


def delete_older(connection: sqlite3.Connection, before: datetime, limit: int) -> int:
    """Delete at most `limit` keys that were made before; return how many."""
    return connection.execute(
        "DELETE FROM idempotency_keys WHERE (user_id, key_hash) IN"
        " (SELECT user_id, key_hash FROM idempotency_keys WHERE created_at < ? LIMIT ?)",
        (time_text(before), limit),
    ).rowcount

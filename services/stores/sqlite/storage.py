"""How many bytes a user keeps; triggers count where rows are written."""

import sqlite3

from services.stores.base import refusals


def kept_by(connection: sqlite3.Connection, user_id: str) -> int:
    """Tell how many bytes a user keeps."""
    row = connection.execute(
        "SELECT bytes FROM user_storage WHERE user_id = ?", (user_id,)
    ).fetchone()
    return 0 if row is None else int(row["bytes"])


def check_room(
    connection: sqlite3.Connection, user_id: str, most: int | None, kept: int | None = None
) -> None:
    """Raise StorageFull if the user keeps as much as a user may; `kept`: what is known of it."""
    if most is None:
        return
    if kept is None:
        kept = kept_by(connection, user_id)
    if kept >= most:
        raise refusals.storage_full()

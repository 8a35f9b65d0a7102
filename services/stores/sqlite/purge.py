"""Deletes many rows without holding the write lock for long."""

import sqlite3
from collections.abc import Callable

from services.stores.sqlite.file.database import Database, Mode

CHUNK = 500
"""Rows in a transaction: it takes a few milliseconds, for which a begin waits."""


def in_chunks(database: Database, delete: Callable[[sqlite3.Connection, int], int]) -> int:
    """Call `delete(connection, limit)` off the hub until it finds less; return the rows in all."""
    total = 0
    while True:
        deleted = database.aside(Mode.WRITE, lambda connection: delete(connection, CHUNK))
        total += deleted
        if deleted < CHUNK:
            return total
        database.let_writers_in()

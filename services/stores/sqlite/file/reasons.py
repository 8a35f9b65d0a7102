"""Why SQLite cannot work, as an operator must know it, and what is to be done."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

_MENDING = (
    "Nothing was changed. Restore a backup, or save what can be read from it: Documentation/"
    "operations.md tells how (A damaged database)."
)

_REASONS = {
    sqlite3.SQLITE_BUSY: "Another process holds the lock of the database file.",
    sqlite3.SQLITE_CANTOPEN: "The database file cannot be opened.",
    sqlite3.SQLITE_CORRUPT: "The database file is damaged.",
    sqlite3.SQLITE_FULL: "The disk is full, or a quota is used up.",
    sqlite3.SQLITE_IOERR: "The disk of the database file fails.",
    sqlite3.SQLITE_LOCKED: "Another connection holds the lock of the database file.",
    sqlite3.SQLITE_NOTADB: "The database file is damaged, or no database.",
    sqlite3.SQLITE_PERM: "The database file may not be used by this user.",
    sqlite3.SQLITE_PROTOCOL: "The locks of the database file do not work.",
    sqlite3.SQLITE_READONLY: "The database file, or its disk, is read-only.",
}

_NETWORK = "DATA_DIR must be on a disk of this machine: locks do not work over a network."
_OF_LOCKS = frozenset(
    {
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_IOERR_LOCK,
        sqlite3.SQLITE_IOERR_RDLOCK,
        sqlite3.SQLITE_IOERR_SHMLOCK,
        sqlite3.SQLITE_IOERR_SHMMAP,
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_UNLOCK,
    }
)
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def reason_of(error: sqlite3.Error) -> str:
    """Say in sentences why a call failed."""
    code = getattr(error, "sqlite_errorcode", 0)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    told = [f"{_REASONS.get(code & 0xFF, 'The database cannot work.')} ({name}: {error})"]
    if code in _OF_LOCKS:
        told.append(_NETWORK)
    if code & 0xFF in _DAMAGED:
        told.append(_MENDING)
    return " ".join(told)


def damage_in(path: Path, most_bytes: int | None = None) -> str | None:
    """Look through a database file and say what is wrong with it; None: nothing is.

    Nothing is written, neither to the file nor to its WAL. A file of more than `most_bytes` is only
    opened: looking through it takes a second for each gigabyte, or far longer from a slow disk.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return None
    uri = f"file:{quote(str(path.resolve()))}?mode=ro"  # others end with a checkpoint, which writes
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if most_bytes is not None and path.stat().st_size > most_bytes:
                return None
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as exc:
        return reason_of(exc)
    if found == "ok":
        return None
    return f"The database file is damaged ({' '.join(str(found).split())}). {_MENDING}"

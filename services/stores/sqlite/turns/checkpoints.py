"""What active runs have written so far, in pieces that are only ever inserted."""

import sqlite3
from collections.abc import Iterable

from services.domain.runs import RunBeat


def store_pieces(connection: sqlite3.Connection, beats: Iterable[RunBeat]) -> None:
    """Insert the pieces of these beats; a piece that is stored already is ignored."""
    connection.executemany(
        "INSERT INTO checkpoints (run_id, epoch, seq, text) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (run_id, epoch, seq) DO NOTHING",
        [
            (beat.run_id, beat.epoch, beat.piece.seq, beat.piece.text)
            for beat in beats
            if beat.piece is not None
        ],
    )


def text_so_far(connection: sqlite3.Connection, run_id: str) -> str:
    """Join the pieces of a run, of all its owners in order."""
    rows = connection.execute(
        "SELECT text FROM checkpoints WHERE run_id = ? ORDER BY epoch, seq", (run_id,)
    )
    return "".join(row["text"] for row in rows)


def top_seq(connection: sqlite3.Connection, run_id: str) -> int:
    """Give the highest seq of a run's checkpoints; 0 if there are none."""
    row = connection.execute(
        "SELECT max(seq) AS top FROM checkpoints WHERE run_id = ?", (run_id,)
    ).fetchone()
    return row["top"] or 0


def delete_of(connection: sqlite3.Connection, run_id: str) -> None:
    """Delete the checkpoints of a run."""
    connection.execute("DELETE FROM checkpoints WHERE run_id = ?", (run_id,))


def delete_ended(connection: sqlite3.Connection, limit: int) -> int:
    """Delete at most `limit` checkpoints of runs that have ended; return how many."""
    return connection.execute(
        "DELETE FROM checkpoints WHERE (run_id, epoch, seq) IN"
        " (SELECT c.run_id, c.epoch, c.seq FROM checkpoints AS c"
        " JOIN runs AS r ON r.id = c.run_id AND r.status <> 'streaming' LIMIT ?)",
        (limit,),
    ).rowcount

"""A run as a row of SQLite: written and read."""

import json
import sqlite3

import msgspec

from services.domain.catalog import Model
from services.domain.events import Terminal
from services.domain.runs import Run
from services.domain.sessions import MessageStatus
from services.stores.base.settlements import terminal_class, terminal_type
from services.stores.base.times import time_of
from services.stores.sqlite.answers import answer_cost, answer_finish, answer_usage


def run_of(row: sqlite3.Row) -> Run:
    """Read a run."""
    terminal = None if row["terminal"] is None else json.loads(row["terminal"])
    return Run(
        id=row["id"],
        session_id=row["session_id"],
        user_id=row["user_id"],
        message_id=row["message_id"],
        user_message_id=row["user_message_id"],
        epoch=row["epoch"],
        status=MessageStatus(row["status"]),
        provider=row["provider"],
        model=row["model"],
        created_at=time_of(row["created_at"]),
        finish_reason=answer_finish(row),
        usage=answer_usage(row),
        cost=answer_cost(row),
        ended_at=None if row["ended_at"] is None else time_of(row["ended_at"]),
        terminal=None if terminal is None else _terminal_of(terminal),
        terminal_epoch=None if terminal is None else terminal.get("epoch", row["epoch"]),
        terminal_seq=row["terminal_seq"],
    )


def terminal_text(terminal: Terminal, epoch: int) -> str:
    """Write a terminal event and its epoch; the text of the answer is not part of it."""
    event = msgspec.to_builtins(terminal)
    return json.dumps({"type": terminal_type(terminal), "event": event, "epoch": epoch})


def offer_text(model: Model) -> str:
    """Write a model with its limits and price."""
    return msgspec.json.encode(model).decode()


def model_of(row: sqlite3.Row) -> Model:
    """Read the model that a run was begun with."""
    return msgspec.json.decode(row["offer"], type=Model)


def _terminal_of(stored: dict[str, object]) -> Terminal:
    return msgspec.convert(stored["event"], type=terminal_class(str(stored["type"])))

"""Domain values as SQLite keeps them, and back."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from services.domain.catalog import Model, ModelChoice
from services.domain.costs import Cost, Usage
from services.domain.events import Attempt, Done, Error, Terminal
from services.domain.runs import Run
from services.domain.sessions import FinishReason, Message, MessageRole, MessageStatus, Session
from services.domain.users import Role, User


def time_text(time: datetime) -> str:
    """Write a time in UTC at one width, so that texts sort as times do."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_of(text: str) -> datetime:
    """Read a time back."""
    return datetime.fromisoformat(text)


def json_text(value: Mapping[str, object]) -> str:
    """Write what a client gave; NaN and Infinity are no JSON and raise ValueError."""
    return json.dumps(value, allow_nan=False)


def usage_text(usage: Usage) -> str:
    """Write a usage."""
    return msgspec.json.encode(usage).decode()


def amount_text(cost: Cost | None) -> str | None:
    """Write an amount in plain digits."""
    return None if cost is None else format(cost.amount, "f")


def offer_text(model: Model) -> str:
    """Write a model with its limits and price."""
    return msgspec.json.encode(model).decode()


def model_of(row: sqlite3.Row) -> Model:
    """Read the model that a run was begun with."""
    return msgspec.json.decode(row["offer"], type=Model)


def calls_text(calls: Sequence[Attempt]) -> str:
    """Write the provider calls of a run."""
    return msgspec.json.encode(calls).decode()


def calls_of(row: sqlite3.Row) -> list[Attempt] | None:
    """Read them; None: nobody told of them."""
    return None if row["calls"] is None else msgspec.json.decode(row["calls"], type=list[Attempt])


def terminal_text(terminal: Terminal, epoch: int) -> str:
    """Write a terminal event and its epoch; the text of the answer is not part of it."""
    kind = "done" if isinstance(terminal, Done) else "error"
    event = msgspec.to_builtins(terminal)
    return json.dumps({"type": kind, "event": event, "epoch": epoch})


def user_of(row: sqlite3.Row) -> User:
    """Read an account."""
    return User(
        id=row["id"],
        tenant_id=row["tenant_id"],
        email=row["email"],
        name=row["name"],
        role=Role(row["role"]),
        created_at=time_of(row["created_at"]),
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
        metadata=json.loads(row["metadata"]),
        archived=bool(row["archived"]),
    )


def message_of(row: sqlite3.Row, content: str) -> Message:
    """Read a message whose content may come from checkpoints."""
    return Message(
        id=row["id"],
        session_id=row["session_id"],
        parent_id=row["parent_id"],
        role=MessageRole(row["role"]),
        content=content,
        status=MessageStatus(row["status"]),
        created_at=time_of(row["created_at"]),
        finish_reason=_reason_of(row),
        model=row["model"],
        provider=row["provider"],
        usage=_usage_of(row),
        cost=_cost_of(row),
    )


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
        finish_reason=_reason_of(row),
        usage=_usage_of(row),
        cost=_cost_of(row),
        ended_at=None if row["ended_at"] is None else time_of(row["ended_at"]),
        terminal=None if terminal is None else _terminal_of(terminal),
        terminal_epoch=None if terminal is None else terminal.get("epoch", row["epoch"]),
        terminal_seq=row["terminal_seq"],
    )


def _reason_of(row: sqlite3.Row) -> FinishReason | None:
    return None if row["finish_reason"] is None else FinishReason(row["finish_reason"])


def _usage_of(row: sqlite3.Row) -> Usage | None:
    return None if row["usage"] is None else msgspec.json.decode(row["usage"], type=Usage)


def _cost_of(row: sqlite3.Row) -> Cost | None:
    if row["cost_amount"] is None:
        return None
    return Cost(Decimal(row["cost_amount"]), row["cost_currency"])


def _terminal_of(stored: dict[str, Any]) -> Terminal:
    if stored["type"] == "done":
        return msgspec.convert(stored["event"], type=Done)
    return msgspec.convert(stored["event"], type=Error)

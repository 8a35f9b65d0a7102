"""What the functions of the database answer, as msgspec reads it, and the domain's values of it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import msgspec

from services.domain.catalog import ModelChoice
from services.domain.costs import Cost, Price, Usage
from services.domain.events import Attempt, Done, Error, Terminal
from services.domain.runs import ClaimedRun, Run
from services.domain.sessions import FinishReason, Message, MessageRole, MessageStatus, Session
from services.domain.users import Role, User
from services.stores.base.calls import known_calls
from services.stores.base.users import Credentials

Time = Annotated[datetime, msgspec.Meta(tz=True)]


class UserRow(msgspec.Struct):
    """An account."""

    id: str
    tenant_id: str
    email: str
    name: str | None
    role: Role
    password_hash: str
    created_at: Time

    def credentials(self) -> Credentials:
        """Give the account and its hash."""
        user = User(
            id=self.id,
            tenant_id=self.tenant_id,
            email=self.email,
            name=self.name,
            role=self.role,
            created_at=utc(self.created_at),
        )
        return Credentials(user, self.password_hash)


class SessionRow(msgspec.Struct):
    """A session."""

    id: str
    user_id: str
    title: str | None
    created_at: Time
    updated_at: Time
    active_run: str | None
    system_prompt: str | None
    provider: str | None
    model: str | None
    metadata: msgspec.Raw
    archived: bool

    def session(self) -> Session:
        """Give the session."""
        return Session(
            id=self.id,
            user_id=self.user_id,
            title=self.title,
            created_at=utc(self.created_at),
            updated_at=utc(self.updated_at),
            active_run=self.active_run,
            system_prompt=self.system_prompt,
            choice=ModelChoice(self.provider, self.model),
            metadata=json.loads(bytes(self.metadata)),
            archived=self.archived,
        )


class MessageRow(msgspec.Struct):
    """A message; the content of one that is being written is what the checkpoints hold."""

    id: str
    session_id: str
    parent_id: str | None
    role: MessageRole
    content: str
    status: MessageStatus
    created_at: Time
    finish_reason: FinishReason | None
    model: str | None
    provider: str | None
    usage: Usage | None
    cost_amount: Decimal | None
    cost_currency: str | None

    def message(self) -> Message:
        """Give the message."""
        return Message(
            id=self.id,
            session_id=self.session_id,
            parent_id=self.parent_id,
            role=self.role,
            content=self.content,
            status=self.status,
            created_at=utc(self.created_at),
            finish_reason=self.finish_reason,
            model=self.model,
            provider=self.provider,
            usage=self.usage,
            cost=cost_of(self.cost_amount, self.cost_currency),
        )


class TerminalRow(msgspec.Struct):
    """A terminal event; the text of the answer is not part of it."""

    type: str
    event: msgspec.Raw

    def terminal(self) -> Terminal:
        """Give the event."""
        if self.type == "done":
            return msgspec.json.decode(self.event, type=Done)
        return msgspec.json.decode(self.event, type=Error)


class RunRow(msgspec.Struct):
    """A run."""

    id: str
    session_id: str
    user_id: str
    message_id: str
    user_message_id: str
    epoch: int
    status: MessageStatus
    provider: str
    model: str
    created_at: Time
    finish_reason: FinishReason | None
    usage: Usage | None
    cost_amount: Decimal | None
    cost_currency: str | None
    ended_at: Time | None
    terminal: TerminalRow | None
    terminal_epoch: int | None
    terminal_seq: int | None

    def run(self) -> Run:
        """Give the run."""
        return Run(
            id=self.id,
            session_id=self.session_id,
            user_id=self.user_id,
            message_id=self.message_id,
            user_message_id=self.user_message_id,
            epoch=self.epoch,
            status=self.status,
            provider=self.provider,
            model=self.model,
            created_at=utc(self.created_at),
            finish_reason=self.finish_reason,
            usage=self.usage,
            cost=cost_of(self.cost_amount, self.cost_currency),
            ended_at=None if self.ended_at is None else utc(self.ended_at),
            terminal=None if self.terminal is None else self.terminal.terminal(),
            terminal_epoch=self.terminal_epoch,
            terminal_seq=self.terminal_seq,
        )


class ClaimedRow(msgspec.Struct):
    """A run with what its checkpoints hold."""

    run: RunRow
    text: str
    top_seq: int
    attempt: int
    calls: list[Attempt] | None
    stop_requested: bool
    input_tokens: int
    price: Price | None

    def claimed(self) -> ClaimedRun:
        """Give the claim."""
        run = self.run.run()
        return ClaimedRun(
            run=run,
            text=self.text,
            top_seq=self.top_seq,
            calls=known_calls(self.calls, self.attempt, run, self.price),
            stop_requested=self.stop_requested,
            input_tokens=self.input_tokens,
            price=self.price,
        )


def utc(time: datetime) -> datetime:
    """Give the same instant in UTC: a project's database may have another time zone."""
    return time if time.tzinfo is UTC else time.astimezone(UTC)


def metadata_json(metadata: Mapping[str, object]) -> msgspec.Raw:
    """Write what a client gave; NaN and Infinity are no JSON and raise ValueError.

    The standard library takes integers of any length, where msgspec stops at 64 bits.
    """
    return msgspec.Raw(json.dumps(metadata, allow_nan=False).encode())


def terminal_json(terminal: Terminal) -> Mapping[str, object]:
    """Describe a terminal event."""
    return {"type": "done" if isinstance(terminal, Done) else "error", "event": terminal}


def amount_text(cost: Cost | None) -> str | None:
    """Write an amount in plain digits."""
    return None if cost is None else format(cost.amount, "f")


def is_text(text: str) -> bool:
    """Tell whether PostgreSQL can hold a text: no NUL, no lone surrogate."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def cost_of(amount: Decimal | None, currency: str | None) -> Cost | None:
    """Give a cost; None: it is not known."""
    return None if amount is None or currency is None else Cost(amount, currency)

"""Sessions (conversations) and their messages, a tree of rows that are only ever inserted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.domain.catalog import ModelChoice
from services.domain.costs import Cost, Usage
from services.domain.graphemes import cut

TITLE_CHARS = 60


class MessageRole(StrEnum):
    """Who wrote a message."""

    USER = "user"
    ASSISTANT = "assistant"


class MessageStatus(StrEnum):
    """The state of an answer; a message and the run that writes it have the same status."""

    STREAMING = "streaming"
    COMPLETE = "complete"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class FinishReason(StrEnum):
    """Why an answer ended, if it did not fail."""

    STOP = "stop"
    LENGTH = "length"
    STOPPED = "stopped"
    CONTENT_FILTER = "content_filter"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A conversation; `active_run` is the run that answers now, `choice` the session's model."""

    id: str
    user_id: str
    title: str | None
    created_at: datetime
    updated_at: datetime
    active_run: str | None = None
    system_prompt: str | None = None
    choice: ModelChoice = field(default_factory=ModelChoice)
    metadata: Mapping[str, object] = field(default_factory=dict)
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session to be made; the caller makes the id."""

    id: str
    user_id: str
    tenant_id: str
    created_at: datetime
    title: str | None = None
    system_prompt: str | None = None
    choice: ModelChoice = field(default_factory=ModelChoice)
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChanges:
    """What a PATCH changes: the fields in `given`; one of them with the value None is cleared."""

    given: frozenset[str]
    title: str | None = None
    archived: bool = False
    system_prompt: str | None = None
    choice: ModelChoice = field(default_factory=ModelChoice)
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions to list; `query` are words that a title or a message must contain."""

    limit: int
    cursor: str | None = None
    query: str | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; `content` is always a string, empty where a run failed before the first word."""

    id: str
    session_id: str
    parent_id: str | None
    role: MessageRole
    content: str
    status: MessageStatus
    created_at: datetime
    finish_reason: FinishReason | None = None
    model: str | None = None
    provider: str | None = None
    usage: Usage | None = None
    cost: Cost | None = None


def title_from(content: str) -> str:
    """Make a title of a first message: its first line, at most 60 characters."""
    line = " ".join(content.split("\n", 1)[0].split()) or " ".join(content.split())
    return line if len(line) <= TITLE_CHARS else cut(line, TITLE_CHARS - 1).rstrip() + "…"

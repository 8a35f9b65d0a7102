"""Events as plain data, in the words of the contract; every JSON transport shares them."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from services.domain.costs import Cost
from services.domain.events import (
    Attempt,
    Content,
    Done,
    Error,
    Reasoning,
    Resume,
    RunEvent,
    Start,
    Status,
)

Payload = Mapping[str, object]


def rfc3339(time: datetime) -> str:
    """Write a time in UTC with a Z."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def cost_payload(cost: Cost | None) -> Payload | None:
    """Write money as a decimal string and its currency."""
    if cost is None:
        return None
    return {"amount": format(cost.amount, "f"), "currency": cost.currency}


def payload_of(event: RunEvent, text: str = "") -> Payload | None:
    """Project an event; None: it is internal. `text` is the whole answer, for a terminal event."""
    match event:
        case Content():
            return {"type": "content", "content": event.content}
        case Reasoning():
            return {"type": "reasoning", "content": event.content}
        case Start():
            return _start(event)
        case Status():
            return status_payload(event)
        case Done() | Error():
            return _terminal(event, text)
        case Attempt():
            return None


def status_payload(status: Status) -> Payload:
    """Project what a waiting reader is told."""
    return {"type": "status", "state": status.state, "detail": status.detail}


def resume_payload(resume: Resume) -> Payload:
    """Project the greeting of an attached reader."""
    payload = {"type": "resume", "run_id": resume.run_id, "recovered": resume.recovered}
    return payload if resume.recovered else {**payload, "content": resume.content or ""}


def _start(event: Start) -> Payload:
    return {
        "type": "start",
        "session_id": event.session_id,
        "run_id": event.run_id,
        "message_id": event.message_id,
        "user_message_id": event.user_message_id,
        "provider": event.provider,
        "model": event.model,
        "created_at": rfc3339(event.created_at),
    }


def _terminal(event: Done | Error, text: str) -> Payload:
    return {
        "type": "done" if isinstance(event, Done) else "error",
        **asdict(event),
        "full_content": text,
        "cost": cost_payload(event.cost),
    }

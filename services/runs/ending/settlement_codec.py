"""How a run ends, as bytes: for the outbox, and for the worker that takes over the run's log."""

from datetime import datetime

import msgspec

from services.domain.events import Done, Error, Terminal
from services.domain.runs import AttemptRecord, Settlement
from services.domain.sessions import FinishReason, MessageStatus

_TERMINALS: dict[str, type[Terminal]] = {"done": Done, "error": Error}


class _Written(msgspec.Struct, kw_only=True, frozen=True):  # wide: a Settlement, field by field
    """A settlement as it is written; `kind` tells which event `terminal` is.

    Fields that have a default are missing in what older releases wrote.
    """

    run_id: str
    epoch: int
    status: MessageStatus
    text: str
    kind: str
    terminal: msgspec.Raw
    terminal_seq: int
    ended_at: datetime
    finish_reason: FinishReason | None
    attempts: tuple[AttemptRecord, ...]
    told_epoch: int | None = None
    provider: str | None = None
    model: str | None = None
    token_count: int | None = None


def encode(settlement: Settlement) -> bytes:
    """Write a settlement as bytes."""
    kind = next(name for name, of in _TERMINALS.items() if isinstance(settlement.terminal, of))
    written = _Written(
        run_id=settlement.run_id,
        epoch=settlement.epoch,
        status=settlement.status,
        text=settlement.text,
        kind=kind,
        terminal=msgspec.Raw(msgspec.json.encode(settlement.terminal)),
        terminal_seq=settlement.terminal_seq,
        ended_at=settlement.ended_at,
        finish_reason=settlement.finish_reason,
        attempts=tuple(settlement.attempts),
        told_epoch=settlement.told_epoch,
        provider=settlement.provider,
        model=settlement.model,
        token_count=settlement.token_count,
    )
    return msgspec.json.encode(written)


def decode(raw: bytes) -> Settlement:
    """Read a settlement from bytes, or raise ValueError."""
    written = msgspec.json.decode(raw, type=_Written)
    if written.kind not in _TERMINALS:
        raise ValueError(f"unknown kind {written.kind!r}")
    return Settlement(
        run_id=written.run_id,
        epoch=written.epoch,
        status=written.status,
        text=written.text,
        terminal=msgspec.json.decode(written.terminal, type=_TERMINALS[written.kind]),
        terminal_seq=written.terminal_seq,
        ended_at=written.ended_at,
        finish_reason=written.finish_reason,
        attempts=written.attempts,
        told_epoch=written.told_epoch,
        provider=written.provider,
        model=written.model,
        token_count=written.token_count,
    )

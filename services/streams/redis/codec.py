"""Events as an entry of a stream holds them: one msgpack array for all events of a flush.

A piece of the answer is its plain text, any other event a pair of a letter and its fields.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from services.domain.events import (
    Attempt,
    Content,
    Done,
    Error,
    Reasoning,
    RunEvent,
    Start,
    Status,
)

_KINDS: dict[str, type[RunEvent]] = {
    "s": Start,
    "r": Reasoning,
    "u": Status,
    "a": Attempt,
    "d": Done,
    "e": Error,
}
_LETTERS = {kind: letter for letter, kind in _KINDS.items()}
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def encode(events: Sequence[RunEvent]) -> bytes:
    """Write events."""
    return _encode([_written(event) for event in events])


def decode(data: bytes) -> list[RunEvent]:
    """Read events; raises msgspec.MsgspecError for what `encode` has not written."""
    return [_read(item) for item in _decode(data)]


def _written(event: RunEvent) -> object:
    if isinstance(event, Content):
        return event.content
    return (_LETTERS[type(event)], msgspec.to_builtins(event))


def _read(item: Any) -> RunEvent:
    if isinstance(item, str):
        return Content(item)
    letter, fields = item
    return msgspec.convert(fields, type=_KINDS[letter])

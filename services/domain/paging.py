"""Cursor pages: a position in an order, never an offset."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.domain.errors.requests import InvalidCursor

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items, and the cursor of the next page; None at the end."""

    items: Sequence[Item]
    next_cursor: str | None = None


def encode_cursor(*position: str) -> str:
    """Make an opaque, URL-safe cursor of the sort keys of the last item."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str, length: int) -> tuple[str, ...]:
    """Read a cursor of `length` sort keys, or raise InvalidCursor."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as exc:
        raise InvalidCursor from exc
    if not isinstance(position, list) or len(position) != length:
        raise InvalidCursor
    if not all(isinstance(key, str) and "\0" not in key and key.isprintable() for key in position):
        raise InvalidCursor
    return tuple(position)

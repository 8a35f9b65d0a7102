"""Frames that are not their format's JSON as it stands, and texts that are no text.

This is read only where the usual way has failed: it may take its time.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from services.providers.wire.clean_text import protocol_error

_DECODER = json.JSONDecoder(strict=False)  # it takes control characters, NaN and lone surrogates
_BEGIN = re.compile(r"(?:\s|data:|\ufeff)*(?=\[?\s*\{)")
_BETWEEN = re.compile(r"(?:\s|,|data:|\[DONE\])*")
_COMPLAINT = re.compile(
    r"error|fail|exce|limit|unavailable|denied|invalid|overload|time.?out|refus|quota|not found",
    re.IGNORECASE,
)
_ALIVE = re.compile(rb"ping|pong|heart.?beat|keep.?alive", re.IGNORECASE)
_INNER = ("text", "thinking", "content", "summary", "reasoning")
_DEEPEST = 10


class Part(NamedTuple):
    """A text in a list of parts; empty where the part holds something else."""

    text: str
    is_thought: bool


def objects_in(data: bytes) -> list[dict[str, Any]] | None:
    """Give the JSON objects in a frame: one, several behind each other, or those of a list.

    A byte that is no UTF-8 becomes U+FFFD. None: the frame is something else than JSON objects;
    raises ValueError or RecursionError where it begins as one and does not go on as one.
    """
    text = data.decode(errors="replace")
    found = _BEGIN.match(text)
    if found is None:
        return None
    objects: list[Any] = []
    at = found.end()
    while at < len(text):
        value, at = _DECODER.raw_decode(text, at)
        objects += value if isinstance(value, list) else [value]
        if between := _BETWEEN.match(text, at):
            at = between.end()
    return [each for each in objects if isinstance(each, dict)]


def is_keep_alive(name: bytes) -> bool:
    """Tell by the name of an event that it only keeps the connection alive."""
    return _ALIVE.search(name) is not None


def is_complaint(words: str) -> bool:
    """Tell whether words in place of JSON say that something went wrong."""
    return _COMPLAINT.search(words) is not None


def parts_of(content: object, *, is_thought: bool = False, depth: int = 0) -> Iterator[Part]:
    """Read a content that is a list of parts, or one part, in any nesting.

    Raises ProviderError, not to be tried again, for a content that holds no text at all.
    """
    if isinstance(content, str):
        if content:
            yield Part(content, is_thought)
    elif isinstance(content, list) and depth < _DEEPEST:
        for each in content:
            yield from parts_of(each, is_thought=is_thought, depth=depth + 1)
    elif isinstance(content, dict) and depth < _DEEPEST:
        is_thought = is_thought or _is_thought(content)
        inner = [content[name] for name in _INNER if name in content]
        if not inner:
            yield Part("", is_thought)
        yield from parts_of(inner[:1], is_thought=is_thought, depth=depth + 1)
    elif content is not None:
        raise protocol_error("The provider sent a text that is none.", may_retry=False)


def _is_thought(part: dict[str, Any]) -> bool:
    kind = str(part.get("type"))
    return "think" in kind or "reason" in kind or part.get("thought") is True

"""What the wire formats of `wires/server.py` are made of."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

WORDS = ("Grüße", " aus", " 你好", " and", " 👋🏽", " again")
TEXT = "".join(WORDS)
THOUGHT = "Hm, 你"
FOREVER = 600.0
KEY_IN_ERRORS = "sk-wire-0123456789abcdef"

Step = bytes | float | Literal["cut"]
"""What a body does next: send a piece, wait some seconds, or break the connection."""


@dataclass
class Answer:
    """One HTTP answer; `chunked` False: the end of the connection is the end of the body."""

    steps: Iterator[Step] | list[Step]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream"
    chunked: bool = True


@dataclass(frozen=True, kw_only=True)
class Format:
    """A vendor's wire format.

    `scenarios` are answers by the name of a model, `words` makes an answer of so many times " word"
    with so many seconds between them, `refuse` an error with a message, a status and a code,
    `models` the answer to a GET of the models.
    """

    scenarios: Mapping[str, Callable[[], Answer]]
    words: Callable[[int, float], Answer]
    refuse: Callable[[str, int, str | None], Answer]
    models: Callable[[Sequence[str]], object]


def event(payload: object, name: str = "") -> bytes:
    """Make a frame."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


def json_answer(payload: object, status: int = 200) -> Answer:
    """Make an answer in one piece."""
    return Answer([json.dumps(payload).encode()], status, content_type="application/json")


def one_byte_each(steps: list[Step]) -> list[Step]:
    """Cut a body into single bytes."""
    body = b"".join(step for step in steps if isinstance(step, bytes))
    return [body[i : i + 1] for i in range(len(body))]


def one_piece(steps: list[Step]) -> list[Step]:
    """Put a body into one piece."""
    return [b"".join(step for step in steps if isinstance(step, bytes))]


def with_crlf(steps: list[Step]) -> list[Step]:
    """End all lines with CRLF."""
    return [step.replace(b"\n", b"\r\n") for step in steps if isinstance(step, bytes)]


def slowly(steps: list[Step]) -> list[Step]:
    """Wait after each piece."""
    return [part for step in steps for part in (step, 0.05)]

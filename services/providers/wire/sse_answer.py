"""A streamed answer, from bytes to events: what is the same in every vendor's format.

A format is a subclass of `Answer` that reads frames. Only the needed fields are decoded. Unknown
things are ignored and counted; a frame that cannot be read at all is `upstream_protocol`.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Protocol, TypeVar

import httpx2
import msgspec

from services.domain.costs import Usage
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Finish, ProviderEvent, Reasoning, UsageReport
from services.domain.sessions import FinishReason
from services.providers.wire.clean_text import (
    PieceCleaner,
    failed_before_answer,
    protocol_error,
    quote,
)
from services.providers.wire.sse_decoder import Frame, SseDecoder

MOST_TOKENS = 2**31 - 1
"""No real answer has more tokens, and a database's integers are limited."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]
"""Tokens, in a vendor's figures."""

Shape = TypeVar("Shape")

_log = logging.getLogger(__name__)


class Body(Protocol):
    """The bytes of an answer."""

    def pieces(self) -> Iterator[bytes]:
        """Give the bytes as they come; raises httpx2.TransportError if they break off."""

    def finish(self) -> None:
        """Read what follows the last frame."""


class Answer(ABC):
    """What is known of one answer while its frames come.

    `reason` is set once the upstream has said why it ends, `is_over` once nothing follows.
    """

    reason: FinishReason | None = None
    is_over = False

    def __init__(self, secret: str, on_ignored: Callable[[], None]) -> None:
        """Leave `secret` out of quotes; call `on_ignored` for all that is ignored."""
        self.on_ignored = on_ignored
        self._secret = secret
        self._said = PieceCleaner()
        self._thought = PieceCleaner()
        self._has_begun = False
        self._usage: Usage | None = None

    @abstractmethod
    def events(self, frame: Frame) -> list[ProviderEvent]:
        """Read a frame; raises ProviderError for an error in it and for what is not JSON."""

    def say(self, text: object, events: list[ProviderEvent]) -> None:
        """Add a piece of the answer, if it is more than half a character."""
        if text and (piece := self._said.clean(_text(text))):
            self._has_begun = True
            events.append(Content(piece))

    def think(self, text: object, events: list[ProviderEvent]) -> None:
        """Add a piece of reasoning."""
        if text and (piece := self._thought.clean(_text(text))):
            self._has_begun = True
            events.append(Reasoning(piece))

    def report(self, usage: Usage, events: list[ProviderEvent]) -> None:
        """Add a usage, unless the same was reported before."""
        if usage != self._usage:
            self._usage = usage
            events.append(UsageReport(usage))

    def failure(
        self, message: object, before: FailureCode = FailureCode.OVERLOADED
    ) -> ProviderError:
        """Make the error of an error event; `before` is its code if it is the first event."""
        if not self._has_begun:
            return failed_before_answer(message, self._secret, before)
        quoted = quote(message, self._secret)
        text = f"The provider failed in the middle of the answer. {quoted}".rstrip()
        return ProviderError(text, code=FailureCode.ERROR, may_retry=True)

    def end(self) -> Iterator[ProviderEvent]:
        """Give what is left at the end; an answer without a reason was cut, whatever its bytes."""
        if self.reason is None:
            raise ProviderError(
                "The provider's stream ended before the answer did.",
                code=FailureCode.CUT,
                may_retry=True,
            )
        if rest := self._said.rest():
            yield Content(rest)
        yield Finish(self.reason)


def read_answer(body: Body, answer: Answer) -> Iterator[ProviderEvent]:
    """Give the events of an answer, Finish last; ProviderError if it fails or breaks off."""
    decoder = SseDecoder()
    try:
        for piece in body.pieces():
            for frame in decoder.feed(piece):
                yield from answer.events(frame)
                if answer.is_over:
                    body.finish()
                    yield from answer.end()
                    return
        for frame in decoder.last():
            yield from answer.events(frame)
    except httpx2.TransportError:
        if answer.reason is None:
            raise
        _log.debug("The connection broke after the answer's end.")
    yield from answer.end()


def message_of(error: object) -> object:
    """Take the message out of an error, if it has one."""
    return error.get("message") if isinstance(error, dict) else error


def error_of_event(data: bytes) -> object:
    """Take the error out of an `error` event; data that are not JSON are the message."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return data.decode(errors="replace")
    return told.get("error") or told if isinstance(told, dict) else told


def read_odd_frame(
    data: bytes, shape: type[Shape], what: str, is_needed: Callable[[dict[str, Any]], bool]
) -> Shape | None:
    """Decode what msgspec refuses: a lone surrogate as an escape, or JSON of another shape.

    None for JSON that is not `what` at all; `is_needed` tells of a frame whether the answer would
    be another without it.
    """
    try:
        told = json.loads(data)
        return msgspec.convert(told, shape)
    except msgspec.ValidationError as exc:
        if isinstance(told, dict) and is_needed(told):
            raise protocol_error(f"The provider sent {what} of an unknown shape.") from exc
        _log.debug("A frame that is not %s was ignored.", what)
        return None
    except (ValueError, RecursionError) as exc:
        raise protocol_error("The provider sent something that is not JSON.") from exc


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise protocol_error("The provider sent a text that is none.")
    return value

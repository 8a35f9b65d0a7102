"""OpenAI's `chat.completion.chunk` frames as events; the protocol that many servers speak.

Only the fields needed are decoded. What is unknown, or of a type that nobody expects in a field
that is not needed, is ignored; what cannot be read at all is `upstream_protocol`.
"""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Annotated, Protocol

import httpx2
import msgspec

from services.domain.costs import Usage
from services.domain.errors import ProviderError
from services.domain.events import Content, Finish, ProviderEvent, Reasoning, UsageReport
from services.domain.sessions import FinishReason
from services.providers.clean_text import PieceCleaner, protocol_error, quote
from services.providers.sse_decoder import Frame, SseDecoder

DONE = b"[DONE]"

_REASONS = {"length": FinishReason.LENGTH, "content_filter": FinishReason.CONTENT_FILTER}
"""Every other reason (stop, tool_calls, function_call, a vendor's own) is an end like any other."""

_log = logging.getLogger(__name__)


class _Delta(msgspec.Struct, gc=False):
    content: object = None
    reasoning_content: object = None
    reasoning: object = None
    refusal: object = None


class _Choice(msgspec.Struct, gc=False):
    index: object = 0
    delta: _Delta | None = None
    finish_reason: object = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: object = None
    error: object = None


_Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""No real answer has more tokens, and a database's integers end somewhere."""


class _InputDetails(msgspec.Struct):
    cached_tokens: _Count | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: _Count | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: _Count
    completion_tokens: _Count
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


_EMPTY = _Chunk()
_decode = msgspec.json.Decoder(_Chunk).decode


class Body(Protocol):
    """The bytes of an answer."""

    def pieces(self) -> Iterator[bytes]:
        """Give them as they come; raises httpx2.TransportError where they break off."""

    def finish(self) -> None:
        """Take what is behind the last frame."""


def read_answer(body: Body, secret: str, on_ignored: Callable[[], None]) -> Iterator[ProviderEvent]:
    """Give the events of an answer, Finish last; ProviderError where it fails or breaks off.

    `secret` is left out of what is quoted from the upstream. `on_ignored` is called for each frame
    that is passed over, and for each usage; a comment is no frame.
    """
    decoder = SseDecoder()
    answer = _Answer(secret, on_ignored)
    try:
        for piece in body.pieces():
            for frame in decoder.feed(piece):
                if frame.data == DONE:
                    body.finish()
                    yield from answer.end()
                    return
                yield from answer.events(frame)
    except httpx2.TransportError:
        if answer.reason is None:
            raise
        _log.debug("The connection broke after the answer's end.")
    yield from answer.end()


class _Answer:
    """What is known of one answer while its frames come."""

    def __init__(self, secret: str, on_ignored: Callable[[], None]) -> None:
        self.reason: FinishReason | None = None
        self._secret = secret
        self._on_ignored = on_ignored
        self._content = PieceCleaner()
        self._thoughts = PieceCleaner()
        self._has_begun = False
        self._has_refused = False
        self._usage: Usage | None = None

    def events(self, frame: Frame) -> list[ProviderEvent]:
        """Read a frame; raises ProviderError for an error in it and for what is no JSON."""
        if frame.event == b"error":
            raise self._failure(_error_of_event(frame.data))
        chunk = _read_chunk(frame.data)
        if chunk is None or chunk == _EMPTY:
            self._on_ignored()
            return []
        if chunk.error:
            raise self._failure(chunk.error)
        choice = next(filter(_is_the_first, chunk.choices or ()), None)
        events = self._read_choice(choice) if choice else []
        if events:
            self._has_begun = True
        if chunk.usage is not None and (report := self._report(chunk.usage)) is not None:
            events.append(report)
        return events

    def end(self) -> Iterator[ProviderEvent]:
        """Give what is left at the answer's end; without a reason it is a cut, [DONE] or not."""
        if self.reason is None:
            raise ProviderError(
                "The provider's stream ended before the answer did.",
                code="upstream_cut",
                may_retry=True,
            )
        if rest := self._content.rest():
            yield Content(rest)
        yield Finish(self.reason)

    def _read_choice(self, choice: _Choice) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        delta = choice.delta
        if delta is not None:
            thought = delta.reasoning_content or delta.reasoning
            if isinstance(thought, str) and (told := self._thoughts.clean(thought)):
                events.append(Reasoning(told))
            said = delta.content or delta.refusal
            if said and (piece := self._content.clean(_text(said))):
                events.append(Content(piece))
            if delta.refusal:
                self._has_refused = True
        if choice.finish_reason:
            reason = _REASONS.get(str(choice.finish_reason), FinishReason.STOP)
            self.reason = FinishReason.CONTENT_FILTER if self._has_refused else reason
        return events

    def _report(self, reported: object) -> UsageReport | None:
        try:
            counted = msgspec.convert(reported, _Usage)
        except msgspec.ValidationError:
            _log.debug("A usage without both counts, or with an impossible one, was ignored.")
            self._on_ignored()
            return None
        cached, reasoning = counted.prompt_tokens_details, counted.completion_tokens_details
        usage = Usage(
            input_tokens=counted.prompt_tokens,
            output_tokens=counted.completion_tokens,
            cached_tokens=min(
                (cached.cached_tokens if cached else None) or 0, counted.prompt_tokens
            ),
            reasoning_tokens=(reasoning.reasoning_tokens if reasoning else None) or 0,
        )
        if usage == self._usage:
            return None
        self._usage = usage
        return UsageReport(usage)

    def _failure(self, error: object) -> ProviderError:
        message = error.get("message") if isinstance(error, dict) else error
        said = quote(message, self._secret)
        if self._has_begun:
            text = f"The provider failed in the middle of the answer. {said}".rstrip()
            return ProviderError(text, code="upstream_error", may_retry=True)
        text = f"The provider failed before the answer. {said}".rstrip()
        return ProviderError(text, code="upstream_overloaded", may_retry=True)


def _is_the_first(choice: _Choice) -> bool:
    """Tell the answer from a further one: one is asked for, and two would be mixed into a text."""
    return choice.index in (0, None)


def _error_of_event(data: bytes) -> object:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return data.decode(errors="replace")
    return told.get("error") or told if isinstance(told, dict) else told


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise protocol_error("The provider sent a text that is none.")
    return value


def _read_chunk(data: bytes) -> _Chunk | None:
    """Decode a frame; None for JSON that is no chunk at all."""
    try:
        return _decode(data)
    except (ValueError, RecursionError):
        return _read_odd_chunk(data)


def _read_odd_chunk(data: bytes) -> _Chunk | None:
    """Decode what msgspec refuses: a lone surrogate as an escape, or JSON of another shape."""
    try:
        told = json.loads(data)
        return msgspec.convert(told, _Chunk)
    except msgspec.ValidationError as exc:
        if isinstance(told, dict) and "choices" in told:
            raise protocol_error("The provider sent a chunk of an unknown shape.") from exc
        _log.debug("A frame that is no chunk was ignored.")
        return None
    except (ValueError, RecursionError) as exc:
        raise protocol_error("The provider sent something that is not JSON.") from exc

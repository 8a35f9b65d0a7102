"""Gemini's `streamGenerateContent?alt=sse` frames as events.

In this format only the end of the body says that an answer is over: some models and many gateways
put `finishReason: STOP` into every frame, or into a frame that is followed by text. So everything
is read, and after a reason the connection may be silent only for a moment.
"""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Protocol

import httpx2
import msgspec

from services.domain.costs import Usage
from services.domain.errors.upstream import ProviderError
from services.domain.events import ProviderEvent, UsageReport
from services.domain.sessions import FinishReason
from services.providers.wire.clean_text import protocol_error
from services.providers.wire.sse_answer import (
    MOST_TOKENS,
    Answer,
    Body,
    Count,
    error_of_event,
    message_of,
    read_answer,
)
from services.providers.wire.sse_decoder import Frame

END_SECONDS = 2.0
"""How long the body may stay open in silence once a reason came; Google ends it at once."""

_UNKNOWN = ("FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED")
_REASONS = {
    "MAX_TOKENS": FinishReason.LENGTH,
    "CONTINUATION": FinishReason.LENGTH,
    "SAFETY": FinishReason.CONTENT_FILTER,
    "RECITATION": FinishReason.CONTENT_FILTER,
    "LANGUAGE": FinishReason.CONTENT_FILTER,
    "BLOCKLIST": FinishReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "SPII": FinishReason.CONTENT_FILTER,
    "IMAGE_SAFETY": FinishReason.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
    "IMAGE_RECITATION": FinishReason.CONTENT_FILTER,
    "ESCALATION": FinishReason.CONTENT_FILTER,
    "PUP_LIMITED_DISABLED": FinishReason.CONTENT_FILTER,
    "MODEL_ARMOR": FinishReason.CONTENT_FILTER,
}
"""Every other reason (STOP, OTHER, a gateway's own) is an ordinary end."""

_SPOILT = (
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
    "TOO_MANY_TOOL_CALLS",
    "UNEXPECTED_TOOL_CALL",
)
"""The model wrote something other than an answer, and it was thrown away: another try may work."""

_log = logging.getLogger(__name__)


_NONE = msgspec.Raw()


class _Part(msgspec.Struct, gc=False):
    text: object = None
    thought: object = None


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, gc=False, rename="camel"):
    index: object = 0
    content: _Content | None = None
    finish_reason: object = None


class _Feedback(msgspec.Struct, gc=False, rename="camel"):
    block_reason: object = None


class _Chunk(msgspec.Struct, gc=False, rename="camel"):
    """A frame; its usage is kept undecoded, for only the last usage counts."""

    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: msgspec.Raw = _NONE
    error: object = None


class _Usage(msgspec.Struct, rename="camel"):
    """Tokens so far; Google leaves out figures that are zero."""

    prompt_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    candidates_token_count: Count | None = None
    thoughts_token_count: Count | None = None


_decode = msgspec.json.Decoder(_Chunk).decode
_decode_usage = msgspec.json.Decoder(_Usage | None).decode


class Patience(Protocol):
    """What waits for the answer's bytes: a reader of the answer may change for how long."""

    silence_seconds: float


class GeminiBody(Body, Patience, Protocol):
    """The bytes of an answer, and how long to wait for more."""


class GeminiAnswer(Answer):
    """One answer, ended by the end of the body."""

    def __init__(self, secret: str, on_ignored: Callable[[], None], line: Patience) -> None:
        """Begin with the line's own patience."""
        super().__init__(secret, on_ignored)
        self._line = line
        self._patience = line.silence_seconds
        self._counted = _NONE
        self._has_said = False
        self._spoilt_by = ""

    def events(self, frame: Frame) -> list[ProviderEvent]:
        """Read a frame."""
        if frame.event == b"error":
            raise self.failure(message_of(error_of_event(frame.data)))
        chunk = _read_chunk(frame.data)
        if chunk.error:
            raise self.failure(message_of(chunk.error))
        events: list[ProviderEvent] = []
        if chunk.candidates:
            for candidate in chunk.candidates:
                # We ask for one answer: a further one would be mixed into the text.
                if candidate.index == 0 or candidate.index is None:
                    self._read_candidate(candidate, events)
        elif chunk.prompt_feedback is not None:
            if _is_told(chunk.prompt_feedback.block_reason):
                self._end_with(FinishReason.CONTENT_FILTER)
        elif chunk.candidates is None and not chunk.usage_metadata:
            self.on_ignored()
        if chunk.usage_metadata:
            self._counted = chunk.usage_metadata
        return events

    def end(self) -> Iterator[ProviderEvent]:
        """Give the usage, and what is left at the end."""
        yield from self.counted()
        if self._spoilt_by:
            raise self.failure(f"The model's answer was unusable: {self._spoilt_by}.")
        yield from super().end()

    def counted(self) -> Iterator[ProviderEvent]:
        """Give the last usage, once; none if the answer is not included in it."""
        last, self._counted = self._counted, _NONE
        if not last:
            return
        try:
            told = _decode_usage(last)
        except msgspec.DecodeError:
            _log.debug("A usage that is none, or with an impossible figure, was ignored.")
            self.on_ignored()
            return
        if told is not None and (usage := self._usage_of(told)) is not None:
            yield UsageReport(usage)

    def _usage_of(self, told: _Usage) -> Usage | None:
        answer, thoughts = told.candidates_token_count, told.thoughts_token_count or 0
        if told.prompt_token_count is None or (answer is None and self._has_said):
            return None
        tokens_in = told.prompt_token_count + (told.tool_use_prompt_token_count or 0)
        tokens_out = (answer or 0) + thoughts
        if max(tokens_in, tokens_out) > MOST_TOKENS:
            self.on_ignored()
            return None
        cached = min(told.cached_content_token_count or 0, tokens_in)
        return Usage(tokens_in, tokens_out, cached_tokens=cached, reasoning_tokens=thoughts)

    def _read_candidate(self, candidate: _Candidate, events: list[ProviderEvent]) -> None:
        if candidate.content is not None:
            for part in candidate.content.parts or ():
                if not part.text:
                    continue
                if part.thought:
                    self.think(part.text, events)
                else:
                    self.say(part.text, events)
                    self._has_said = True
        if _is_told(candidate.finish_reason):
            self._read_reason(str(candidate.finish_reason))
        elif self.reason is not None and events:
            # The reason that came before was not the end.
            self.reason = None
            self._line.silence_seconds = self._patience

    def _read_reason(self, name: str) -> None:
        if name in _SPOILT:
            self._spoilt_by = name
            self.is_over = True
        else:
            self._end_with(_REASONS.get(name, FinishReason.STOP))

    def _end_with(self, reason: FinishReason) -> None:
        self.reason = reason
        # Before the first word a STOP may be a gateway's, while its model still thinks.
        if self._has_begun or reason is not FinishReason.STOP:
            self._line.silence_seconds = min(self._patience, END_SECONDS)


def read_gemini(body: GeminiBody, answer: GeminiAnswer) -> Iterator[ProviderEvent]:
    """Give the events of an answer; if it fails, also the tokens that were used for it."""
    try:
        yield from read_answer(body, answer)
    except (ProviderError, httpx2.TransportError):
        yield from answer.counted()
        raise


def _is_told(reason: object) -> bool:
    return bool(reason) and reason not in _UNKNOWN


def _read_chunk(data: bytes) -> _Chunk:
    """Decode a frame; an empty chunk for JSON that is not a chunk."""
    try:
        return _decode(data)
    except (ValueError, RecursionError):
        return _read_odd_chunk(data)


def _read_odd_chunk(data: bytes) -> _Chunk:
    """Decode what msgspec refuses: a lone surrogate as an escape, or JSON of another shape."""
    try:
        told = json.loads(data)
        usage = told.pop("usageMetadata", None) if isinstance(told, dict) else None
        chunk = msgspec.convert(told, _Chunk)
    except msgspec.ValidationError as exc:
        if isinstance(told, dict) and "candidates" in told:
            raise protocol_error("The provider sent a chunk of an unknown shape.") from exc
        _log.debug("A frame that is no chunk was ignored.")
        return _Chunk()
    except (ValueError, RecursionError) as exc:
        raise protocol_error("The provider sent something that is not JSON.") from exc
    if usage is not None:
        chunk.usage_metadata = msgspec.Raw(json.dumps(usage).encode())
    return chunk

"""OpenAI's `chat.completion.chunk` frames as events; the protocol that many servers speak.

Only the needed fields are decoded. A field that is unknown, or not needed and of an unexpected
type, is ignored; a frame that cannot be read at all is `upstream_protocol`.
"""

import logging
from collections.abc import Callable

import msgspec

from services.domain.costs import Usage
from services.domain.errors.upstream import ProviderError
from services.domain.events import ProviderEvent
from services.domain.sessions import FinishReason
from services.providers.wire.sse_answer import (
    Answer,
    Count,
    error_of_event,
    message_of,
    read_odd_frame,
)
from services.providers.wire.sse_decoder import Frame

DONE = b"[DONE]"

_REASONS = {"length": FinishReason.LENGTH, "content_filter": FinishReason.CONTENT_FILTER}
"""Every other reason (stop, tool_calls, function_call, a vendor's own) is an ordinary end."""

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


class _InputDetails(msgspec.Struct):
    cached_tokens: Count | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: Count | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: Count
    completion_tokens: Count
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


_EMPTY = _Chunk()
_decode = msgspec.json.Decoder(_Chunk).decode


class OpenAIAnswer(Answer):
    """One answer in `chat.completion.chunk` frames, ended by [DONE]."""

    def __init__(self, secret: str, on_ignored: Callable[[], None]) -> None:
        """Begin without a refusal."""
        super().__init__(secret, on_ignored)
        self._has_refused = False

    def events(self, frame: Frame) -> list[ProviderEvent]:
        """Read a frame."""
        if frame.data == DONE:
            self.is_over = True
            return []
        if frame.event == b"error":
            raise self._failure(error_of_event(frame.data))
        chunk = _read_chunk(frame.data)
        if chunk is None or chunk == _EMPTY:
            self.on_ignored()
            return []
        if chunk.error:
            raise self._failure(chunk.error)
        events: list[ProviderEvent] = []
        for choice in chunk.choices or ():
            if _is_the_first(choice):
                self._read_choice(choice, events)
                break
        if chunk.usage is not None:
            self._read_usage(chunk.usage, events)
        return events

    def _read_choice(self, choice: _Choice, events: list[ProviderEvent]) -> None:
        delta = choice.delta
        if delta is not None:
            thought = delta.reasoning_content or delta.reasoning
            if isinstance(thought, str):
                self.think(thought, events)
            self.say(delta.content or delta.refusal, events)
            if delta.refusal:
                self._has_refused = True
        if choice.finish_reason:
            reason = _REASONS.get(str(choice.finish_reason), FinishReason.STOP)
            self.reason = FinishReason.CONTENT_FILTER if self._has_refused else reason

    def _read_usage(self, reported: object, events: list[ProviderEvent]) -> None:
        try:
            counted = msgspec.convert(reported, _Usage)
        except msgspec.ValidationError:
            _log.debug("A usage without both counts, or with an impossible one, was ignored.")
            self.on_ignored()
            return
        cached, reasoning = counted.prompt_tokens_details, counted.completion_tokens_details
        usage = Usage(
            input_tokens=counted.prompt_tokens,
            output_tokens=counted.completion_tokens,
            cached_tokens=min(
                (cached.cached_tokens if cached else None) or 0, counted.prompt_tokens
            ),
            reasoning_tokens=(reasoning.reasoning_tokens if reasoning else None) or 0,
        )
        self.report(usage, events)

    def _failure(self, error: object) -> ProviderError:
        return self.failure(message_of(error))


def _is_the_first(choice: _Choice) -> bool:
    """Tell whether this is the one answer that we asked for: two would be mixed into one text."""
    return choice.index in (0, None)


def _read_chunk(data: bytes) -> _Chunk | None:
    """Decode a frame; None for JSON that is not a chunk."""
    try:
        return _decode(data)
    except (ValueError, RecursionError):
        return read_odd_frame(data, _Chunk, "a chunk", lambda told: "choices" in told)

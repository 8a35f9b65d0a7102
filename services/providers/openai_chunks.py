"""OpenAI's `chat.completion.chunk` frames as events; the protocol that many servers speak.

Only the fields needed are decoded. What is unknown, or of a type that nobody expects in a field
that is not needed, is ignored; what cannot be read at all is `upstream_protocol`.
"""

import json
import logging
from collections.abc import Callable
from typing import Annotated

import msgspec

from services.domain.costs import Usage
from services.domain.errors import ProviderError
from services.domain.events import ProviderEvent
from services.domain.sessions import FinishReason
from services.providers.clean_text import protocol_error
from services.providers.sse_answer import Answer
from services.providers.sse_decoder import Frame

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
            raise self._failure(_error_of_event(frame.data))
        chunk = _read_chunk(frame.data)
        if chunk is None or chunk == _EMPTY:
            self.on_ignored()
            return []
        if chunk.error:
            raise self._failure(chunk.error)
        events: list[ProviderEvent] = []
        choice = next(filter(_is_the_first, chunk.choices or ()), None)
        if choice is not None:
            self._read_choice(choice, events)
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
        return self.failure(error.get("message") if isinstance(error, dict) else error)


def _is_the_first(choice: _Choice) -> bool:
    """Tell the answer from a further one: one is asked for, and two would be mixed into a text."""
    return choice.index in (0, None)


def _error_of_event(data: bytes) -> object:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return data.decode(errors="replace")
    return told.get("error") or told if isinstance(told, dict) else told


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

"""Anthropic's Messages stream as events.

Only the needed fields are decoded. Unknown things are ignored and counted, for Anthropic adds
events without a new version; a frame that cannot be read at all is `upstream_protocol`.
"""

import logging
from collections.abc import Callable

import msgspec

from services.domain.costs import Usage
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import ProviderEvent
from services.domain.sessions import FinishReason
from services.providers.wire.sse_answer import (
    MOST_TOKENS,
    Answer,
    Count,
    error_of_event,
    read_odd_frame,
)
from services.providers.wire.sse_decoder import Frame

_REASONS = {
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "refusal": FinishReason.CONTENT_FILTER,
}
"""Every other reason (end_turn, stop_sequence, tool_use, pause_turn) is an ordinary end."""

_NEEDED = ("content_block_delta", "message_delta")
"""Events whose loss would change the answer."""

_log = logging.getLogger(__name__)


class _Delta(msgspec.Struct, gc=False):
    """The delta of a block or of the message: `stop_reason` is the message's."""

    type: object = None
    text: object = None
    thinking: object = None
    stop_reason: object = None


class _Message(msgspec.Struct, gc=False):
    usage: object = None


class _Event(msgspec.Struct, gc=False):
    type: object = None
    delta: _Delta | None = None
    content_block: _Delta | None = None
    message: _Message | None = None
    usage: object = None
    error: object = None


class _OutputDetails(msgspec.Struct):
    thinking_tokens: Count | None = None


class _Figures(msgspec.Struct):
    """A usage; figures that a later one leaves out still hold."""

    input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    output_tokens: Count | None = None
    output_tokens_details: _OutputDetails | None = None


_decode = msgspec.json.Decoder(_Event).decode


class AnthropicAnswer(Answer):
    """One answer as a stream of a message, ended by `message_stop`."""

    def __init__(self, secret: str, on_ignored: Callable[[], None]) -> None:
        """Begin without figures."""
        super().__init__(secret, on_ignored)
        self._begun = _Figures()

    def events(self, frame: Frame) -> list[ProviderEvent]:
        """Read a frame."""
        if frame.event == b"error":
            raise self._failure(error_of_event(frame.data))
        told = _read_event(frame.data)
        events: list[ProviderEvent] = []
        if told is None:
            self.on_ignored()
        elif told.type == "content_block_delta" and told.delta is not None:
            self._read_piece(told.delta, events)
        else:
            self._read_rest(told, events)
        return events

    def _read_piece(self, delta: _Delta, events: list[ProviderEvent]) -> None:
        if delta.type == "text_delta":
            self.say(delta.text, events)
        elif delta.type == "thinking_delta":
            self.think(delta.thinking, events)
        elif delta.type != "signature_delta":
            self.on_ignored()

    def _read_rest(self, told: _Event, events: list[ProviderEvent]) -> None:
        if told.error or told.type == "error":
            raise self._failure(told.error)
        match told.type:
            case "message_start" if told.message is not None:
                self._begun = self._figures(told.message.usage) or self._begun
            case "content_block_start" if told.content_block is not None:
                self._read_block(told.content_block, events)
            case "message_delta":
                self._read_end(told, events)
            case "message_stop":
                self.is_over = True
            case "content_block_stop" | "ping":
                pass
            case _:
                self.on_ignored()

    def _read_block(self, block: _Delta, events: list[ProviderEvent]) -> None:
        """Read the beginning of a block; Anthropic's own blocks are empty then."""
        if block.type == "text":
            self.say(block.text, events)
        elif block.type == "thinking":
            self.think(block.thinking, events)
        elif block.type != "redacted_thinking":
            self.on_ignored()

    def _read_end(self, told: _Event, events: list[ProviderEvent]) -> None:
        if told.delta is not None and told.delta.stop_reason:
            self.reason = _REASONS.get(str(told.delta.stop_reason), FinishReason.STOP)
        figures = self._figures(told.usage)
        if figures is not None and (usage := _usage(self._begun, figures)) is not None:
            self._count(usage, events)

    def _count(self, usage: Usage, events: list[ProviderEvent]) -> None:
        if usage.input_tokens <= MOST_TOKENS:
            self.report(usage, events)
        else:
            self.on_ignored()

    def _figures(self, reported: object) -> _Figures | None:
        if reported is None:
            return None
        try:
            return msgspec.convert(reported, _Figures)
        except msgspec.ValidationError:
            _log.debug("A usage with an impossible figure was ignored.")
            self.on_ignored()
            return None

    def _failure(self, error: object) -> ProviderError:
        kind, message = None, error
        if isinstance(error, dict):
            kind, message = error.get("type"), error.get("message")
        is_limit = kind == "rate_limit_error"
        return self.failure(
            message, FailureCode.RATE_LIMITED if is_limit else FailureCode.OVERLOADED
        )


def _usage(begun: _Figures, now: _Figures) -> Usage | None:
    """Put the figures together; None if one that matters is missing.

    Anthropic's input does not include what was read from a cache or written to it. The output given
    at the beginning does not count the answer, so it is ignored.
    """
    fresh = _later(begun.input_tokens, now.input_tokens)
    cached = _later(begun.cache_read_input_tokens, now.cache_read_input_tokens) or 0
    written = _later(begun.cache_creation_input_tokens, now.cache_creation_input_tokens) or 0
    if fresh is None or now.output_tokens is None:
        return None
    details = now.output_tokens_details
    return Usage(
        input_tokens=fresh + cached + written,
        output_tokens=now.output_tokens,
        cached_tokens=cached,
        reasoning_tokens=(details.thinking_tokens if details else None) or 0,
    )


def _later(first: int | None, last: int | None) -> int | None:
    return first if last is None else last


def _read_event(data: bytes) -> _Event | None:
    """Decode a frame; None for JSON that is not an event."""
    try:
        return _decode(data)
    except (ValueError, RecursionError):
        return read_odd_frame(data, _Event, "an event", lambda told: told.get("type") in _NEEDED)

"""Anthropic's Messages stream as events.

Only the needed fields are decoded. Unknown things are ignored and counted, for Anthropic adds
events without a new version; a frame that cannot be read at all is `upstream_protocol`.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from services.domain.events import ProviderEvent
from services.domain.sessions import FinishReason
from services.providers.errors.explanations import explanation_in
from services.providers.wire.figures import Count, raised, report_of, whole_of
from services.providers.wire.sse_answer import Answer
from services.providers.wire.sse_decoder import ERROR, Frame

_NEEDED = ("content_block_delta", "message_delta", "message")
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
    """An event, or a whole message, which is sent by servers that do not stream."""

    type: object = None
    delta: _Delta | None = None
    content_block: _Delta | None = None
    message: _Message | None = None
    content: list[_Delta] | None = None
    stop_reason: object = None
    usage: object = None
    error: object = None


class _OutputDetails(msgspec.Struct):
    thinking_tokens: Count | None = None


class _Usage(msgspec.Struct):
    input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    output_tokens: Count | None = None
    output_tokens_details: _OutputDetails | None = None


class _Figures(msgspec.Struct):
    """The figures of a call so far; None: not told."""

    fresh: Count | None = None
    cached: Count | None = None
    written: Count | None = None
    output: Count | None = None
    thinking: Count | None = None


_decode = msgspec.json.Decoder(_Event).decode


class AnthropicAnswer(Answer):
    """One answer as a stream of a message, ended by `message_stop`."""

    def __init__(self, secret: str, on_ignored: Callable[[], None]) -> None:
        """Begin without figures."""
        super().__init__(secret, on_ignored)
        self._figures = _Figures()
        self._is_counted = False  # at the end of the answer

    def events(self, frame: Frame) -> list[ProviderEvent]:
        """Read a frame."""
        data, event = frame
        if event == ERROR:
            raise self.failure(explanation_in(data))
        try:
            told = _decode(data)
        except (ValueError, RecursionError):
            return self.odd(frame)
        events: list[ProviderEvent] = []
        if told.type == "content_block_delta" and told.delta is not None:
            self._read_piece(told.delta, events)
        else:
            self._read_rest(told, frame, None, events)
        return events

    def counted(self) -> Iterator[ProviderEvent]:
        """Give what the beginning told, where no end has told more."""
        events: list[ProviderEvent] = []
        if not self._is_counted:
            self._report(events)
        yield from events

    def _read(self, told: dict[str, Any], frame: Frame) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        self._read_rest(msgspec.convert(told, _Event), frame, told, events)
        return events

    def _is_needed(self, told: dict[str, Any]) -> bool:
        return told.get("type") in _NEEDED

    def _read_piece(self, delta: _Delta, events: list[ProviderEvent]) -> None:
        if delta.type == "text_delta":
            self.say(delta.text, events)
        elif delta.type == "thinking_delta":
            self.think(delta.thinking, events)
        elif delta.type is None and delta.text:
            self.say(delta.text, events)
        elif delta.type != "signature_delta":
            self.on_ignored()

    def _read_rest(
        self,
        told: _Event,
        frame: Frame,
        plain: dict[str, Any] | None,
        events: list[ProviderEvent],
    ) -> None:
        """Read an event; `plain` is it as plain JSON, where it had to be read so."""
        match told.type:
            case "content_block_delta" if told.delta is not None:
                self._read_piece(told.delta, events)
            case "message_start" if told.message is not None:
                self._count(told.message.usage, is_begin=True)
            case "content_block_start" if told.content_block is not None:
                self._read_block(told.content_block, events)
            case "message_delta" | "message":
                self._read_end(told, events)
            case "message_stop":
                self.is_over = True
            case "content_block_stop" | "ping" if not told.error:
                pass
            case _:
                self.unknown(plain, frame)

    def _read_end(self, told: _Event, events: list[ProviderEvent]) -> None:
        """Read the end of a message, or the whole of it."""
        if told.content is not None:
            for block in told.content:
                self._read_block(block, events)
            self.reason = FinishReason.STOP  # all of it is here, whether it says why it ends or not
        self.end_by(told.delta.stop_reason if told.delta else told.stop_reason)
        self._count(told.usage)
        if self._is_counted:
            self._report(events)

    def _read_block(self, block: _Delta, events: list[ProviderEvent]) -> None:
        """Read a block, or its beginning; at the beginning Anthropic's own blocks are empty."""
        if block.type == "text":
            self.say(block.text, events)
        elif block.type == "thinking":
            self.think(block.thinking, events)
        elif block.type != "redacted_thinking":
            self.on_ignored()

    def _count(self, reported: object, *, is_begin: bool = False) -> None:
        """Add a usage; the output that is given at the beginning does not count the answer."""
        if not reported:
            return
        try:
            told = msgspec.convert(reported, _Usage, strict=False)
        except ValueError:
            _log.debug("A usage that is none, or with an impossible figure, was ignored.")
            self.on_ignored()
            return
        details = told.output_tokens_details
        now = _Figures(
            fresh=told.input_tokens,
            cached=told.cache_read_input_tokens,
            written=told.cache_creation_input_tokens,
            output=None if is_begin else told.output_tokens,
            thinking=details.thinking_tokens if details else None,
        )
        self._figures = raised(self._figures, now)
        self._is_counted = self._is_counted or now.output is not None

    def _report(self, events: list[ProviderEvent]) -> None:
        """Report; Anthropic's input includes neither what a cache gave nor what it took."""
        now = self._figures
        sides = (now.fresh, now.cached, now.written)
        tokens_in = None if now.fresh is None else sum(n or 0 for n in sides)
        if tokens_in is not None or now.output is not None:
            tokens_out = whole_of(now.output, now.thinking)
            self.report(report_of(tokens_in, tokens_out, now.cached, now.thinking), events)

"""OpenAI's `chat.completion.chunk` frames as events; the protocol that many servers speak.

Only the needed fields are decoded. A field that is unknown, or not needed and of an unexpected
type, is ignored; a frame that is needed and cannot be read is `upstream_protocol`.
"""

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from services.domain.events import ProviderEvent
from services.domain.sessions import FinishReason
from services.providers.errors.explanations import explanation_in, explanation_of, is_told
from services.providers.openai.usage import Figures, raised_by
from services.providers.wire.odd_frames import objects_in
from services.providers.wire.sse_answer import FIRST, Answer, has_text
from services.providers.wire.sse_decoder import ERROR, STRAY, Frame

DONE = b"[DONE]"
STOP = "stop"
WHOLE = "chat.completion"

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


class _RareDelta(_Delta, gc=False):
    """What is read where the usual fields are empty."""

    reasoning_details: object = None  # OpenRouter
    reasoning_text: object = None  # GitHub Copilot
    thinking: object = None


class _RareChoice(msgspec.Struct, gc=False):
    index: object = 0
    delta: _RareDelta | None = None
    message: _RareDelta | None = None  # of a whole answer, and of servers that confuse the two
    text: object = None  # of the older completions
    usage: object = None  # Moonshot


class _Groq(msgspec.Struct, gc=False):
    usage: object = None


class _RareChunk(msgspec.Struct, gc=False):
    object: str | None = None
    choices: list[_RareChoice] = []
    x_groq: _Groq | None = None


_decode = msgspec.json.Decoder(_Chunk).decode
_decode_rare = msgspec.json.Decoder(_RareChunk).decode


class OpenAIAnswer(Answer):
    """One answer in `chat.completion.chunk` frames, ended by [DONE]."""

    def __init__(self, secret: str, on_ignored: Callable[[], None]) -> None:
        """Begin without a refusal and without figures."""
        super().__init__(secret, on_ignored)
        self._has_refused = False
        self._figures = Figures()
        self._withdrawn: FinishReason | None = None  # a reason that text followed

    def events(self, frame: Frame) -> list[ProviderEvent]:
        """Read a frame."""
        data, event = frame
        if event == ERROR:
            raise self.failure(explanation_in(data))
        try:
            chunk = _decode(data)
        except (ValueError, RecursionError):
            if data.strip() != DONE:
                return self.odd(frame)
            self.is_over = True
            self.reason = self.reason or self._withdrawn
            return []
        events: list[ProviderEvent] = []
        self._take(chunk, frame, None, events)
        return events

    def _read(self, told: dict[str, Any], frame: Frame) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        self._take(msgspec.convert(told, _Chunk), frame, told, events)
        return events

    def _is_needed(self, told: dict[str, Any]) -> bool:
        return "choices" in told

    def _take(
        self,
        chunk: _Chunk,
        frame: Frame,
        told: dict[str, Any] | None,
        events: list[ProviderEvent],
    ) -> None:
        """Read a chunk; `told` is it as plain JSON, where it had to be read so."""
        if chunk.error and is_told(chunk.error):
            raise self.failure(explanation_of(told or objects_in(frame.data)))
        if chunk.choices:
            for choice in chunk.choices:
                if choice.index in FIRST:
                    self._read_choice(choice, events)
                    is_whole = not events and self._read_rare(frame, told, events)
                    self._read_reason(choice.finish_reason or (is_whole and STOP), events)
                    break
        elif chunk.choices is None and chunk.usage is None:
            self.unknown(told, frame)
        if chunk.usage is not None:
            self._count(chunk.usage, events)

    def _read_choice(self, choice: _Choice | _RareChoice, events: list[ProviderEvent]) -> None:
        delta = choice.delta
        if delta is None:
            return
        thought = delta.reasoning_content or delta.reasoning
        if thought:
            self.think(thought, events)
        if delta.content:
            self.say(delta.content, events)
        elif delta.refusal:
            self.say(delta.refusal, events)
            self._has_refused = True

    def _read_reason(self, reason: object, events: list[ProviderEvent]) -> None:
        if reason and self.end_by(reason):
            if self._has_refused:
                self.reason = FinishReason.CONTENT_FILTER
        elif self.reason is not None and has_text(events):
            # The reason that came before was not the end.
            self._withdrawn, self.reason = self.reason, None

    def _read_rare(
        self, frame: Frame, told: dict[str, Any] | None, events: list[ProviderEvent]
    ) -> bool:
        """Read a chunk again whose usual fields are empty, for what few servers send.

        True for a whole answer outside of a stream: it has ended, whether it says why or not.
        """
        try:
            rare = msgspec.convert(told, _RareChunk) if told else _decode_rare(frame.data)
        except (ValueError, RecursionError):
            return False
        for choice in rare.choices:
            if choice.index in FIRST:
                self._read_rare_choice(choice, events)
                break
        if rare.x_groq is not None:
            self._count(rare.x_groq.usage, events)
        return frame.event is STRAY and rare.object == WHOLE

    def _read_rare_choice(self, choice: _RareChoice, events: list[ProviderEvent]) -> None:
        message = choice.message
        if message is not None:
            choice.delta = message
            self._read_choice(choice, events)
        delta = choice.delta
        if delta is not None and not (delta.reasoning_content or delta.reasoning):
            self.think(delta.reasoning_details or delta.reasoning_text or delta.thinking, events)
        if choice.text:
            self.say(choice.text, events)
        self._count(choice.usage, events)

    def _count(self, reported: object, events: list[ProviderEvent]) -> None:
        if not reported:
            return
        try:
            self._figures = raised_by(self._figures, reported)
        except ValueError:
            _log.debug("A usage that is none, or with an impossible figure, was ignored.")
            self.on_ignored()
            return
        self.report(self._figures.report(), events)

"""Gemini's `streamGenerateContent?alt=sse` frames as events.

In this format only the end of the body says that an answer is over: some models and many gateways
put `finishReason: STOP` into every frame, or into a frame that is followed by text. So everything
is read, and after a reason the connection may be silent only for a moment.
"""

import logging
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, Protocol

import msgspec

from services.domain.events import ProviderEvent
from services.domain.sessions import FinishReason
from services.providers.errors.explanations import explanation_in, explanation_of, is_told
from services.providers.wire.figures import Count, Total, report_of, whole_of
from services.providers.wire.odd_frames import objects_in
from services.providers.wire.reasons import ReasonKind, kind_of_reason
from services.providers.wire.sse_answer import FIRST, Answer
from services.providers.wire.sse_decoder import ERROR, Frame

END_SECONDS = 2.0
"""How long the body may stay open in silence once a reason came; Google ends it at once."""

MOST_USAGES = 1000
"""Of so many frames the figures are kept; then they are put together."""

_log = logging.getLogger(__name__)


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


UNTOLD = -1


class _Usage(msgspec.Struct, gc=False, rename="camel"):
    """Tokens so far; Google leaves out figures that are zero."""

    prompt_token_count: Count = UNTOLD
    tool_use_prompt_token_count: Count = UNTOLD
    cached_content_token_count: Count = UNTOLD
    candidates_token_count: Count = UNTOLD
    thoughts_token_count: Count = UNTOLD
    total_token_count: Total = UNTOLD


class _Chunk(msgspec.Struct, gc=False, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    error: object = None


_FIGURES = [attrgetter(name) for name in _Usage.__struct_fields__]
_decode = msgspec.json.Decoder(_Chunk).decode


class Patience(Protocol):
    """What waits for the answer's bytes: a reader of the answer may change for how long."""

    silence_seconds: float


class GeminiAnswer(Answer):
    """One answer, ended by the end of the body."""

    def __init__(self, secret: str, on_ignored: Callable[[], None], line: Patience) -> None:
        """Begin with the line's own patience."""
        super().__init__(secret, on_ignored)
        self._line = line
        self._patience = line.silence_seconds
        self._usages: list[_Usage] = []
        self._has_said = False

    def events(self, frame: Frame) -> list[ProviderEvent]:
        """Read a frame."""
        data, event = frame
        if event == ERROR:
            raise self.failure(explanation_in(data))
        try:
            chunk = _decode(data)
        except (ValueError, RecursionError):
            return self.odd(frame)
        return self._take(chunk, frame, None)

    def counted(self) -> Iterator[ProviderEvent]:
        """Give the usage of all frames, once."""
        events: list[ProviderEvent] = []
        if self._usages:
            self._report(_highest(self._usages), events)
            self._usages.clear()
        yield from events

    def _read(self, told: dict[str, Any], frame: Frame) -> list[ProviderEvent]:
        usage = told.get("usageMetadata")
        if usage is None:
            return self._take(msgspec.convert(told, _Chunk), frame, told)
        chunk = msgspec.convert({**told, "usageMetadata": None}, _Chunk)
        try:
            figures = {name: figure for name, figure in usage.items() if figure is not None}
            chunk.usage_metadata = msgspec.convert(figures, _Usage, strict=False)
        except (AttributeError, ValueError):
            _log.debug("A usage that is none, or with an impossible figure, was ignored.")
            self.on_ignored()
            chunk.candidates = chunk.candidates or []
        return self._take(chunk, frame, told)

    def _is_needed(self, told: dict[str, Any]) -> bool:
        return "candidates" in told

    def _take(
        self, chunk: _Chunk, frame: Frame, told: dict[str, Any] | None
    ) -> list[ProviderEvent]:
        """Read a chunk; `told` is it as plain JSON, where it had to be read so."""
        events: list[ProviderEvent] = []
        candidates, usage = chunk.candidates, chunk.usage_metadata
        if chunk.error and is_told(chunk.error):
            raise self.failure(explanation_of(told or objects_in(frame.data)))
        if candidates:
            for candidate in candidates:
                if candidate.index in FIRST:
                    self._read_candidate(candidate, events)
        elif chunk.prompt_feedback is not None:
            if kind_of_reason(chunk.prompt_feedback.block_reason) is not ReasonKind.NONE:
                self.reason = FinishReason.CONTENT_FILTER
                self._wait_less()
        elif candidates is None and usage is None:
            self.unknown(told, frame)
        if usage is not None:
            usages = self._usages
            usages.append(usage)
            if len(usages) > MOST_USAGES:
                self._usages = [_highest(usages)]
        return events

    def _report(self, usage: _Usage, events: list[ProviderEvent]) -> None:
        prompt, tools, cached, answer, thoughts, total = (
            None if (figure := each(usage)) == UNTOLD else figure for each in _FIGURES
        )
        if prompt is None and answer is None:
            return
        others = (tools or 0) + (thoughts or 0)
        if prompt is None and total is not None:
            prompt = max(0, total - others - (answer or 0))
        if answer is None:
            # Google leaves zeros out, and counts the answer only in some of its frames.
            rest = (total or 0) - others - (prompt or 0)
            answer = max(0, rest) if rest > 0 or not self._has_said else None
        tokens_in = None if prompt is None else prompt + (tools or 0)
        tokens_out = None if answer is None else answer + (thoughts or 0)
        self.report(report_of(whole_of(tokens_in, cached), tokens_out, cached, thoughts), events)

    def _read_candidate(self, candidate: _Candidate, events: list[ProviderEvent]) -> None:
        content = candidate.content
        if content is not None and content.parts:
            for part in content.parts:
                if part.thought:
                    self.think(part.text, events)
                elif part.text:
                    self.say(part.text, events)
                    self._has_said = True
        if candidate.finish_reason and self.end_by(candidate.finish_reason):
            self.is_over = bool(self.failed_by)
            self._wait_less()
        elif self.reason is not None and events:
            # The reason that came before was not the end.
            self.reason = None
            self._line.silence_seconds = self._patience

    def _wait_less(self) -> None:
        # Before the first word a STOP may be a gateway's, while its model still thinks.
        if self.has_begun or self.reason is not FinishReason.STOP:
            self._line.silence_seconds = min(self._patience, END_SECONDS)


def _highest(usages: list[_Usage]) -> _Usage:
    """Put the figures of several frames together: they are cumulative, so none falls."""
    return _Usage(*(max(map(figure, usages)) for figure in _FIGURES))

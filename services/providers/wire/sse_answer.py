"""A streamed answer, from bytes to events: what is the same in every vendor's format.

A format is a subclass of `Answer` that reads frames. Only the needed fields are decoded. Frames
that are none, and unknown things, are passed over and counted; a frame that is needed and cannot
be read is `upstream_protocol`.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import httpx2

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Finish, ProviderEvent, Reasoning, UsageReport
from services.domain.sessions import FinishReason
from services.providers.errors.explanations import Explanation, explanation_of, is_error
from services.providers.errors.judgements import Filtered, Judgement, judged_inside
from services.providers.errors.pages import text_of_page
from services.providers.wire.clean_text import PieceCleaner, protocol_error, quote
from services.providers.wire.odd_frames import (
    is_complaint,
    is_keep_alive,
    objects_in,
    parts_of,
)
from services.providers.wire.reasons import ReasonKind, kind_of_reason
from services.providers.wire.sse_decoder import STRAY, Frame, SseDecoder

FIRST = (0, None, "0")
"""Indices of the one answer that is asked for: a second one would be mixed into its text."""

_log = logging.getLogger(__name__)


class Body(Protocol):
    """The bytes of an answer."""

    def pieces(self) -> Iterator[bytes]:
        """Give the bytes as they come; raises httpx2.TransportError if they break off."""

    def finish(self) -> None:
        """Read what follows the last frame."""


class Answer(ABC):
    """What is known of one answer while its frames come.

    `reason` is set once the upstream has said why it ends, `failed_by` if that is a failure,
    `is_over` once nothing follows, `has_begun` once anything was written; `reported` is the last
    report of what was counted.
    """

    reason: FinishReason | None = None
    failed_by = ""
    is_over = False

    def __init__(self, secret: str, on_ignored: Callable[[], None]) -> None:
        """Leave `secret` out of quotes; call `on_ignored` for all that is ignored."""
        self.on_ignored = on_ignored
        self._secret = secret
        self._said = PieceCleaner()
        self._thought = PieceCleaner()
        self.has_begun = False
        self.reported: UsageReport | None = None
        self._complaint = ""  # words that stood in place of a frame

    @abstractmethod
    def events(self, frame: Frame) -> list[ProviderEvent]:
        """Read a frame; raises ProviderError for an error in it, and where it is needed."""

    @abstractmethod
    def _read(self, told: dict[str, Any], frame: Frame) -> list[ProviderEvent]:
        """Read an object out of an odd frame; raises ValueError for another shape."""

    @abstractmethod
    def _is_needed(self, told: dict[str, Any]) -> bool:
        """Tell whether the answer would be another without an object of an unknown shape."""

    def say(self, text: object, events: list[ProviderEvent]) -> None:
        """Add a piece of the answer, if it is more than half a character."""
        if not isinstance(text, str):
            self._add_parts(text, events, is_thought=False)
        elif text and (piece := self._said.clean(text)):
            self.has_begun = True
            events.append(Content(piece))

    def think(self, text: object, events: list[ProviderEvent]) -> None:
        """Add a piece of reasoning."""
        if not isinstance(text, str):
            self._add_parts(text, events, is_thought=True)
        elif text and (piece := self._thought.clean(text)):
            self.has_begun = True
            events.append(Reasoning(piece))

    def report(self, counted: UsageReport | None, events: list[ProviderEvent]) -> None:
        """Add what was counted so far, unless the same was reported before; None: not possible."""
        if counted is None:
            self.on_ignored()
        elif counted != self.reported:
            self.reported = counted
            events.append(counted)

    def end_by(self, told: object) -> bool:
        """Note the reason that the upstream gives for the end; False where it is none."""
        kind = kind_of_reason(told)
        if kind is ReasonKind.FAILURE:
            self.failed_by = str(told)
        elif kind is ReasonKind.UNKNOWN:
            self.on_ignored()
            self.reason = FinishReason.STOP
        elif isinstance(kind, FinishReason):
            self.reason = kind
        return kind is not ReasonKind.NONE

    def failure(self, told: Explanation) -> ProviderError:
        """Make the error of what the upstream tells; where that says nothing, it is like a 503.

        It is Filtered where a filter refuses the content.
        """
        if self.has_begun:
            text, usual = "The provider failed in the middle of the answer", FailureCode.ERROR
        else:
            text, usual = "The provider failed before the answer", FailureCode.OVERLOADED
        found = judged_inside(told) or Judgement(usual, may_retry=True)
        quoted = "" if found.is_of_key else quote(told.message, self._secret)
        said = f"{text}{found.reason}. {quoted}".rstrip()
        return found.kind(said, code=found.code, may_retry=found.may_retry)

    def counted(self) -> Iterator[ProviderEvent]:
        """Give what was counted and not reported yet."""
        yield from ()

    def end(self) -> Iterator[ProviderEvent]:
        """Give what is left at the end; an answer without a reason was cut, whatever its bytes."""
        yield from self.counted()
        if self.failed_by:
            raise self.failure(explanation_of(f"Its reason: {self.failed_by}."))
        if self.reason is None:
            if self._complaint:
                raise self.failure(explanation_of(self._complaint))
            raise ProviderError(
                "The provider's stream ended before the answer did.",
                code=FailureCode.CUT,
                may_retry=True,
            )
        if rest := self._said.rest():
            yield Content(rest)
        yield Finish(self.reason)

    def odd(self, frame: Frame) -> list[ProviderEvent]:
        """Read a frame that is not this format's JSON as it stands."""
        try:
            objects = objects_in(frame.data)
        except (ValueError, RecursionError) as exc:
            if not is_keep_alive(frame.event):
                raise protocol_error("The provider sent something that is not JSON.") from exc
            objects = None
        if objects is None:
            self._pass_over(frame)
            return []
        return [event for told in objects for event in self._read_odd(told, frame)]

    def unknown(self, told: dict[str, Any] | None, frame: Frame) -> None:
        """Pass over an object that is nothing of this format; raises what it tells as an error.

        `told` None: the frame is that object.
        """
        for each in objects_in(frame.data) or () if told is None else (told,):
            if is_error(each, is_alone=frame.event is STRAY):
                raise self.failure(explanation_of(each))
        self.on_ignored()

    def _read_odd(self, told: dict[str, Any], frame: Frame) -> list[ProviderEvent]:
        try:
            return self._read(told, frame)
        except (ValueError, RecursionError) as exc:
            if self._is_needed(told):
                text = "The provider sent a frame of an unknown shape."
                raise protocol_error(text, may_retry=False) from exc
            self.unknown(told, frame)
            return []

    def _pass_over(self, frame: Frame) -> None:
        self.on_ignored()
        words = frame.data.decode(errors="replace").strip()
        if frame.event is not STRAY:
            if is_complaint(words):
                self._complaint = words
            return
        page = text_of_page(words)
        if page is not None:
            text = "The provider answered with a web page."
            raise protocol_error(f"{text} {quote(page, self._secret)}".rstrip())
        self._complaint = words

    def _add_parts(self, content: object, events: list[ProviderEvent], *, is_thought: bool) -> None:
        for part in parts_of(content, is_thought=is_thought):
            if not part.text:
                self.on_ignored()
            elif part.is_thought:
                self.think(part.text, events)
            else:
                self.say(part.text, events)


def has_text(events: list[ProviderEvent]) -> bool:
    """Tell whether any of the events is a piece of the answer or of reasoning."""
    return any(isinstance(event, Content | Reasoning) for event in events)


def read_answer(body: Body, answer: Answer) -> Iterator[ProviderEvent]:
    """Give the events of an answer, Finish last; ProviderError if it fails or breaks off.

    What was counted until then is given before the error.
    """
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
    except ProviderError as error:
        yield from answer.counted()
        if isinstance(error, Filtered):
            is_counted = answer.reported is not None and answer.reported.is_whole
            error.is_refusal = not (answer.has_begun or is_counted)
        raise
    except httpx2.TransportError:
        if answer.reason is None and not answer.failed_by:
            yield from answer.counted()
            raise
        _log.debug("The connection broke after the answer's end.")
    yield from answer.end()

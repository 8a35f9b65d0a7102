"""A run while it lives: what its pump, its settler and the beat know of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gevent import GreenletExit
from gevent.event import Event

from services.admission.waiting.burst_queue import Place
from services.domain.catalog import Model
from services.domain.costs import Usage
from services.domain.errors.upstream import ProviderTimeout
from services.domain.events import Attempt, Content, Reasoning
from services.domain.limits import Priority
from services.domain.runs import AttemptOutcome, AttemptRecord, BegunTurn, Piece
from services.providers.base import ProviderRequest
from services.runs.asking.routing import Plan
from services.runs.living.call import HEDGED, Call
from services.streams.base import LogWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """How long an answer may take, in seconds: from going upstream, between pieces, in all."""

    first_token: float
    content: float
    run: float


class Ending(StrEnum):
    """Why a run ends from outside."""

    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    LOST = "lost"


@dataclass(slots=True, eq=False)
class Living:
    """One living run; times are of the monotonic clock.

    `calls` are all provider calls that went out, and last once more the one that others were hedged
    away for; `attempts` are those that have ended and are booked.
    `model` is the one that answers, or was asked last.
    """

    turn: BegunTurn
    plan: Plan
    writer: LogWriter
    times: RunTimes
    priority: Priority = Priority.INTERACTIVE
    place: Place | None = None
    attention: Event = field(default_factory=Event)
    ending: Ending | None = None
    calls: list[Attempt] = field(default_factory=list)
    attempts: list[AttemptRecord] = field(default_factory=list)
    call_ends: list[tuple[str, str]] = field(default_factory=list)
    started_at: float = field(default_factory=time.monotonic)
    upstream_since: float | None = None
    first_output_at: float | None = None
    heard_at: float = 0
    _open: list[Call] = field(default_factory=list)
    _answering: Call | None = None
    _is_chosen: bool = False
    _upstream_seconds: float = 0
    _waiting: set[object] = field(default_factory=set)
    _waited_seconds: float = 0
    _waits_since: float | None = None
    _saved: int = 0
    _unsaved: Piece | None = None
    _is_sealed: bool = False

    @property
    def run_id(self) -> str:
        """Name the run."""
        return self.turn.run.id

    @property
    def user_id(self) -> str:
        """Name whose run it is."""
        return self.turn.run.user_id

    @property
    def request(self) -> ProviderRequest:
        """Give what the first model is asked."""
        return self.plan.requests[0]

    @property
    def model(self) -> Model:
        """Give the model that answers, or was asked last."""
        return self.turn.model if self._answering is None else self._answering.model

    @property
    def answer_usage(self) -> Usage | None:
        """Give what the call that answered used, once it is booked; None: no call was made."""
        if self._answering is None:
            return None
        number = self._answering.number
        return next((one.usage for one in self.attempts if one.number == number), None)

    def end(self, ending: Ending) -> None:
        """Have the run ended from outside; the first reason counts."""
        if self.ending is None:
            self.ending = ending
        self.attention.set()

    def begin_wait(self, who: object) -> None:
        """Note that a call waits for room at a provider; known by `who`, once or more often.

        No time limit counts while no other call is out.
        """
        self._waiting.add(who)
        if self._waits_since is None:
            self._waits_since = time.monotonic()
            self.attention.set()

    def end_wait(self, who: object) -> None:
        """Note that it waits no longer, if it did."""
        self._waiting.discard(who)
        if self._waits_since is not None and not self._waiting:
            self._waited_seconds = self._seconds_waited()
            self._waits_since = None
            self.attention.set()

    def begin_call(self, request: ProviderRequest, count_tokens: Callable[[str], int]) -> Call:
        """Note that a provider call goes out.

        Every one that is not the first to the run's own model is written to the log before, and
        the first one where it had to wait.
        """
        if self._is_sealed or self._is_chosen:
            raise GreenletExit
        call = Call(len(self.calls) + 1, request, count_tokens)
        if call.number > 1 or call.model is not self.turn.model or self._waited_seconds:
            self.writer.append(call.attempt)
        self.calls.append(call.attempt)
        self._open.append(call)
        self._answering = call
        self.writer.announce(None)
        if self.upstream_since is None:
            self.upstream_since = call.began_at
        self.attention.set()
        return call

    def answer_from(self, call: Call) -> None:
        """Note which of several open calls is the answer; the others are booked as hedged away."""
        self._answering, self._is_chosen = call, True
        if self._waiting:
            self.writer.announce(None)
        others = [one for one in self._open if one is not call]
        for other in others:
            self.end_call(other, AttemptOutcome.CANCELLED, HEDGED)
        if others:
            told = replace(call.attempt, is_answer=True)
            self.calls.append(told)
            self.writer.append(told)

    def take(self, event: Content | Reasoning) -> None:
        """Write a piece of the answer to the log."""
        if self._is_sealed:
            raise GreenletExit
        self.heard_at = time.monotonic()
        if self.first_output_at is None:
            self.first_output_at = self.heard_at
        if isinstance(event, Reasoning) and self._answering is not None:
            self._answering.thoughts.append(event.content)
        self.writer.append(event)

    def end_call(
        self, call: Call, outcome: AttemptOutcome, code: str = "", *, was_refused: bool = False
    ) -> AttemptRecord:
        """Book a call, and tell how it is booked; one that is already stays as it is.

        `call_ends` keeps how it failed, or else the outcome, for the metrics.
        """
        if call not in self._open:
            return next(one for one in self.attempts if one.number == call.number)
        self._open.remove(call)
        if not self._open:
            self._upstream_seconds = self._seconds_upstream()
            self.upstream_since = None
        has_written = call is self._answering and self.first_output_at is not None
        text = self.writer.text() if has_written else ""
        failed = code if outcome is AttemptOutcome.FAILED else str(outcome)
        self.call_ends.append((call.model.provider, failed))
        record = call.record(outcome, code, text, was_refused=was_refused)
        self.attempts.append(record)
        self.attempts.sort(key=lambda attempt: attempt.number)
        return record

    def seal(self, overdue: ProviderTimeout | None = None) -> None:
        """Take nothing more from a pump that does not end, and book the calls that it hangs in.

        `overdue`: the time limit that it was to end for.
        """
        outcome, code = AttemptOutcome.CANCELLED, self.ending or ""
        if self.ending is None and overdue is not None:
            outcome, code = AttemptOutcome.FAILED, overdue.code
        for call in list(self._open):
            self.end_call(call, outcome, code)
        self._is_sealed = True

    def unsaved(self) -> Piece | None:
        """Give the text that is in no checkpoint; the same piece again until `saved` is called.

        A beat whose reply was lost may be stored: a longer piece would store its text twice.
        """
        if self._unsaved is None:
            self._unsaved = self.writer.piece_after(self._saved)
        return self._unsaved

    def saved(self) -> None:
        """Note that the piece of `unsaved` is stored."""
        if self._unsaved is not None:
            self._saved, self._unsaved = self._unsaved.seq, None

    @property
    def may_call_again(self) -> bool:
        """Tell whether a further call repeats nothing that was delivered, and has time left."""
        return (
            self.first_output_at is None
            and self._seconds_upstream() < self.times.first_token
            and time.monotonic() < self._end_at()
        )

    @property
    def has_answer(self) -> bool:
        """Tell whether the call that answers is chosen."""
        return self._is_chosen

    def _seconds_waited(self) -> float:
        """Give how long calls have waited for room."""
        if self._waits_since is None:
            return self._waited_seconds
        return self._waited_seconds + time.monotonic() - self._waits_since

    @property
    def _only_waits(self) -> bool:
        return self._waits_since is not None and not self._open

    def _seconds_upstream(self) -> float:
        """Give how long all calls have taken together; waits between them do not count."""
        if self.upstream_since is None:
            return self._upstream_seconds
        return self._upstream_seconds + time.monotonic() - self.upstream_since

    @property
    def first_token_left(self) -> float:
        """Give how long the first token may still take upstream, in seconds."""
        return max(0.0, self.times.first_token - self._seconds_upstream())

    def seconds_left(self) -> float:
        """Tell how long to wait before asking `overdue` again.

        No longer than `times.content`: the first piece moves the deadline and wakes nobody.
        """
        return max(0.0, min(self._deadline() - time.monotonic(), self.times.content))

    def overdue(self) -> ProviderTimeout | None:
        """Give the failure where a time limit has passed."""
        now = time.monotonic()
        if self._only_waits:
            return None
        if now >= self._end_at():
            text = f"The answer took longer than {self.times.run:g} s in all."
            return ProviderTimeout(text, may_retry=False)
        if now < self._deadline():
            return None
        if self.first_output_at is None:
            return ProviderTimeout(f"No first token within {self.times.first_token:g} s.")
        return ProviderTimeout(f"No content for {self.times.content:g} s.")

    def _end_at(self) -> float:
        return self.started_at + self._seconds_waited() + self.times.run

    def _deadline(self) -> float:
        if self._only_waits:
            return time.monotonic() + self.times.run
        if self.upstream_since is None:
            return self._end_at()
        if self.first_output_at is None:
            left = self.times.first_token - self._upstream_seconds
            return min(self._end_at(), self.upstream_since + left)
        return min(self._end_at(), self.heard_at + self.times.content)

    @property
    def ttft_ms(self) -> int | None:
        """Give the time to the first token; None: there was none."""
        if self.first_output_at is None:
            return None
        return round((self.first_output_at - self.started_at) * 1000)

    @property
    def total_ms(self) -> int:
        """Give the time since the run was started."""
        return round((time.monotonic() - self.started_at) * 1000)

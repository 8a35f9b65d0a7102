"""A run while it lives: what its pump, its settler and the beat know of it."""

import time
from dataclasses import dataclass, field
from enum import StrEnum

from gevent import GreenletExit
from gevent.event import Event

from services.domain.costs import Usage, UsageSource, estimate_tokens
from services.domain.errors import ProviderTimeout
from services.domain.events import Attempt, Content, Reasoning
from services.domain.runs import AttemptOutcome, AttemptRecord, BegunTurn, Piece
from services.providers.base import ProviderRequest
from services.runs.booking import input_estimate
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
    """One living run; times are of the monotonic clock."""

    turn: BegunTurn
    request: ProviderRequest
    writer: LogWriter
    times: RunTimes
    attention: Event = field(default_factory=Event)
    ending: Ending | None = None
    attempts: list[AttemptRecord] = field(default_factory=list)
    call_ends: list[str] = field(default_factory=list)
    number: int = 0
    started_at: float = field(default_factory=time.monotonic)
    upstream_since: float | None = None
    first_output_at: float | None = None
    heard_at: float = 0
    _upstream_seconds: float = 0
    _saved: int = 0
    _unsaved: Piece | None = None
    _is_sealed: bool = False
    _usage: Usage | None = None
    _call_top: int = 0
    _reasoned: list[str] = field(default_factory=list)

    @property
    def run_id(self) -> str:
        """Name the run."""
        return self.turn.run.id

    def end(self, ending: Ending) -> None:
        """Have the run ended from outside; the first reason counts."""
        if self.ending is None:
            self.ending = ending
        self.attention.set()

    def begin_call(self) -> None:
        """Note that a provider call goes out; every further one is written to the log before."""
        self._check_seal()
        self.number += 1
        model = self.turn.model
        if self.number > 1:
            self.writer.append(
                Attempt(number=self.number, provider=model.provider, model=model.name)
            )
        self.writer.announce(None)
        self._usage = None
        self._call_top = self.writer.top
        self._reasoned.clear()
        self.upstream_since = time.monotonic()
        self.attention.set()

    def take(self, event: Content | Reasoning) -> None:
        """Write a piece of the answer to the log."""
        self._check_seal()
        self.heard_at = time.monotonic()
        if self.first_output_at is None:
            self.first_output_at = self.heard_at
        if isinstance(event, Reasoning):
            self._reasoned.append(event.content)
        self.writer.append(event)

    def report(self, usage: Usage) -> None:
        """Keep what the provider counted for the present call."""
        self._usage = usage

    def end_call(
        self, outcome: AttemptOutcome, code: str = "", *, was_refused: bool = False
    ) -> None:
        """Book the present call: as the provider reported it, else by estimate.

        A call that was refused before it produced anything used nothing. `code` says how a failed
        one failed; `call_ends` keeps it, or else the outcome, for the metrics.
        """
        if self._is_sealed:
            return
        self._upstream_seconds = self._seconds_upstream()
        self.upstream_since = None
        usage = self._usage or (Usage() if was_refused else self._estimate())
        model = self.turn.model
        self.call_ends.append(code or str(outcome))
        self.attempts.append(
            AttemptRecord(
                number=self.number,
                provider=model.provider,
                model=model.name,
                outcome=outcome,
                usage=usage,
                cost=model.price.cost(usage) if model.price else None,
            )
        )

    def seal(self) -> None:
        """Take nothing more from a pump that does not end, and book the call that it hangs in."""
        if len(self.attempts) < self.number:
            self.end_call(AttemptOutcome.CANCELLED)
        self._is_sealed = True

    def _check_seal(self) -> None:
        if self._is_sealed:
            raise GreenletExit

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

    def _estimate(self) -> Usage:
        piece = self.writer.piece_after(self._call_top)
        answer, reasoned = piece.text if piece else "", "".join(self._reasoned)
        reasoning_tokens = estimate_tokens(reasoned) if reasoned else 0
        answer_tokens = estimate_tokens(answer) if answer else 0
        return Usage(
            input_tokens=input_estimate(self.turn),
            output_tokens=answer_tokens + reasoning_tokens,
            reasoning_tokens=reasoning_tokens,
            source=UsageSource.ESTIMATED,
        )

    @property
    def may_call_again(self) -> bool:
        """Tell whether a further call repeats nothing that was delivered, and has time left."""
        return (
            self.first_output_at is None
            and self._seconds_upstream() < self.times.first_token
            and time.monotonic() < self.started_at + self.times.run
        )

    def _seconds_upstream(self) -> float:
        """Give how long all calls have taken together; waits between them do not count."""
        if self.upstream_since is None:
            return self._upstream_seconds
        return self._upstream_seconds + time.monotonic() - self.upstream_since

    def seconds_left(self) -> float:
        """Tell how long to wait before asking `overdue` again.

        No longer than `times.content`: the first piece moves the deadline and wakes nobody.
        """
        return max(0.0, min(self._deadline() - time.monotonic(), self.times.content))

    def overdue(self) -> ProviderTimeout | None:
        """Give the failure where a time limit has passed."""
        now = time.monotonic()
        if now >= self.started_at + self.times.run:
            text = f"The answer took longer than {self.times.run:g} s in all."
            return ProviderTimeout(text, may_retry=False)
        if now < self._deadline():
            return None
        if self.first_output_at is None:
            return ProviderTimeout(f"No first token within {self.times.first_token:g} s.")
        return ProviderTimeout(f"No content for {self.times.content:g} s.")

    def _deadline(self) -> float:
        in_all = self.started_at + self.times.run
        if self.upstream_since is None:
            return in_all
        if self.first_output_at is None:
            left = self.times.first_token - self._upstream_seconds
            return min(in_all, self.upstream_since + left)
        return min(in_all, self.heard_at + self.times.content)

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

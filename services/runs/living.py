"""A run while it lives: what its pump, its settler and the beat know of it."""

import time
from dataclasses import dataclass, field
from enum import StrEnum

from gevent.event import Event

from services.domain.costs import Cost, Usage, UsageSource, estimate_tokens
from services.domain.errors import ProviderTimeout
from services.domain.events import Attempt, Content, Reasoning
from services.domain.runs import AttemptOutcome, AttemptRecord, BegunTurn
from services.providers.base import ProviderRequest
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
    number: int = 0
    started_at: float = field(default_factory=time.monotonic)
    upstream_since: float | None = None
    first_output_at: float | None = None
    heard_at: float = 0
    checkpointed: int = 0
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
        self.heard_at = time.monotonic()
        if self.first_output_at is None:
            self.first_output_at = self.heard_at
        if isinstance(event, Reasoning):
            self._reasoned.append(event.content)
        self.writer.append(event)

    def report(self, usage: Usage) -> None:
        """Keep what the provider counted for the present call."""
        self._usage = usage

    def end_call(self, outcome: AttemptOutcome, *, was_refused: bool = False) -> None:
        """Book the present call: as the provider reported it, else by estimate.

        A call that was refused before it produced anything used nothing.
        """
        self.upstream_since = None
        usage = self._usage or (Usage() if was_refused else self._estimate())
        model = self.turn.model
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

    def seconds_left(self) -> float:
        """Tell how long to wait before asking `overdue` again."""
        return max(0.0, self._deadline() - time.monotonic())

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
            return min(in_all, self.upstream_since + self.times.first_token)
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


def input_estimate(turn: BegunTurn) -> int:
    """Estimate what a call of this turn sends, in tokens."""
    prompt = estimate_tokens(turn.system_prompt) if turn.system_prompt else 0
    return prompt + sum(message.token_estimate for message in turn.context)


def total_usage(attempts: list[AttemptRecord]) -> Usage:
    """Add up what all calls of a run used; estimated where any of them was."""
    usages = [attempt.usage for attempt in attempts]
    estimated = any(usage.source is UsageSource.ESTIMATED for usage in usages)
    return Usage(
        input_tokens=sum(usage.input_tokens for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        cached_tokens=sum(usage.cached_tokens for usage in usages),
        reasoning_tokens=sum(usage.reasoning_tokens for usage in usages),
        source=UsageSource.ESTIMATED if estimated else UsageSource.PROVIDER,
    )


def total_cost(attempts: list[AttemptRecord]) -> Cost | None:
    """Add up what all calls cost; None where the price of any is not known."""
    costs = [attempt.cost for attempt in attempts]
    known = [cost.amount for cost in costs if cost is not None]
    if not known or len(known) < len(costs):
        return None
    return Cost(sum(known[1:], known[0]))

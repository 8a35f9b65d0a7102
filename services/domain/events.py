"""What happens in a run, as one closed union; every wire format is a projection of it.

A provider yields `ProviderEvent`s. The runner turns them into `RunEvent`s, numbered in the run's
log from 1 without a gap. `Resume` and the unnumbered `Status` values are made for a reader and
never logged. Exactly one `Terminal` ends a log.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.domain.costs import Cost, Price, Usage, UsageSource
from services.domain.sessions import FinishReason


class StatusState(StrEnum):
    """What a waiting reader may be told; only FAILOVER is logged, with a number."""

    QUEUED = "queued"
    RETRYING = "retrying"
    FAILOVER = "failover"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The run exists and goes upstream."""

    session_id: str
    run_id: str
    message_id: str
    user_message_id: str
    provider: str
    model: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """A piece of the answer; the pieces put together are the text, byte for byte."""

    content: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the model's reasoning, where the provider sends it."""

    content: str


@dataclass(frozen=True, slots=True)
class Status:
    """Something a reader may show while it waits."""

    state: StatusState
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Internal, never sent: a provider call is about to be made (so that a reaper can book it).

    `price` None: not known. `is_answer`: the same call once more, chosen as the answer after the
    other call of a hedged pair was given up.
    """

    number: int
    provider: str
    model: str
    price: Price | None = None
    is_answer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The answer ended as it should, or was stopped; its text is in the log and not repeated."""

    message_id: str
    finish_reason: FinishReason
    usage: Usage
    cost: Cost | None
    provider: str
    model: str
    ttft_ms: int | None
    total_ms: int
    persisted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """The answer failed; what was produced is kept. `code` is one of `Documentation/errors.md`."""

    code: str
    message: str
    retryable: bool
    message_id: str
    usage: Usage
    cost: Cost | None
    persisted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """The first event of a reader that attaches; `content`: the text so far where not recovered."""

    run_id: str
    recovered: bool
    content: str | None = None


@dataclass(frozen=True, slots=True)
class UsageReport:
    """From a provider: the tokens it counted, replacing any earlier report of the same call.

    `lacks_input`, `lacks_output`: it told no figure for that side, which stands as 0 in `usage`.
    """

    usage: Usage
    lacks_input: bool = False
    lacks_output: bool = False

    @property
    def is_whole(self) -> bool:
        """Tell whether there is nothing to estimate."""
        return not (self.lacks_input or self.lacks_output)

    def completed(self, estimate: Usage) -> Usage:
        """Put an estimate where a figure lacks; what was told stays, the whole is an estimate."""
        told = self.usage
        if self.is_whole:
            return told
        tokens_in, tokens_out = told.input_tokens, told.output_tokens
        thoughts = told.reasoning_tokens
        if self.lacks_input:
            tokens_in = max(estimate.input_tokens, told.cached_tokens)
        if self.lacks_output:
            answer = estimate.output_tokens - estimate.reasoning_tokens
            thoughts = thoughts or estimate.reasoning_tokens
            tokens_out = answer + thoughts
        return Usage(
            tokens_in, tokens_out, told.cached_tokens, thoughts, source=UsageSource.ESTIMATED
        )


@dataclass(frozen=True, slots=True)
class Finish:
    """From a provider: the answer is complete, for this reason."""

    reason: FinishReason


ProviderEvent = Content | Reasoning | UsageReport | Finish
Terminal = Done | Error
RunEvent = Start | Content | Reasoning | Status | Attempt | Terminal
"""What a log holds."""


@dataclass(frozen=True, slots=True)
class EventId:
    """The id of an event: opaque to clients, `run_id.epoch.seq` to this server."""

    run_id: str
    epoch: int
    seq: int

    def __str__(self) -> str:
        """Write it as it stands in an `id:` line."""
        return f"{self.run_id}.{self.epoch}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "EventId | None":
        """Read an id; None for anything that this server cannot have written."""
        run_id, _, rest = text.partition(".")
        epoch, _, seq = rest.partition(".")
        numbers = (epoch, seq)
        if not run_id or not all(n.isascii() and n.isdigit() and len(n) <= 9 for n in numbers):  # noqa: PLR2004 - nine digits fit every counter and bound the parse
            return None
        return cls(run_id, int(epoch), int(seq))

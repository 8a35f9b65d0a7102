"""What the provider calls of a run used and cost, in Supabase: sent, and read back."""

from dataclasses import replace
from decimal import Decimal

import msgspec

from services.domain.costs import Usage, UsageSource
from services.domain.runs import AttemptOutcome, AttemptRecord, Run
from services.stores.base.costs import amount_text, cost_of, currency_of
from services.stores.supabase.run_rows import RunRow


class AttemptRow(msgspec.Struct):
    """A provider call as it was booked."""

    number: int
    provider: str
    model: str
    outcome: AttemptOutcome
    code: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    source: UsageSource
    amount: Decimal | None
    currency: str | None

    def record(self) -> AttemptRecord:
        """Give the call."""
        return AttemptRecord(
            number=self.number,
            provider=self.provider,
            model=self.model,
            outcome=self.outcome,
            usage=Usage(
                input_tokens=self.input_tokens,
                output_tokens=self.output_tokens,
                cached_tokens=self.cached_tokens,
                reasoning_tokens=self.reasoning_tokens,
                source=self.source,
            ),
            cost=cost_of(self.amount, self.currency),
            code=self.code,
        )


class BookedRunRow(RunRow, kw_only=True):
    """A run with its provider calls; an active run has none yet."""

    attempts: list[AttemptRow]

    def booked_run(self) -> Run:
        """Give the run."""
        return replace(self.run(), attempts=tuple(row.record() for row in self.attempts))


def attempt_json(attempt: AttemptRecord) -> dict[str, object]:
    """Describe a provider call."""
    usage, cost = attempt.usage, attempt.cost
    return {
        "number": attempt.number,
        "provider": attempt.provider,
        "model": attempt.model,
        "outcome": attempt.outcome,
        "code": attempt.code,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "source": usage.source,
        "amount": amount_text(cost),
        "currency": currency_of(cost),
    }

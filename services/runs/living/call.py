"""One provider call of a run, and how it is booked."""

from collections.abc import Callable
from dataclasses import dataclass, field

from services.domain.catalog import Model
from services.domain.costs import Usage, UsageSource
from services.domain.events import Attempt, UsageReport
from services.domain.runs import AttemptOutcome, AttemptRecord
from services.providers.base import ProviderRequest
from services.runs.living.booking import input_estimate

HEDGED = "hedged"
"""The code of a call that was given up because another one was faster."""


@dataclass(slots=True, eq=False)
class Call:
    """A call that is out.

    `reported` is what the provider has counted; None: it has counted nothing.
    """

    number: int
    request: ProviderRequest
    count_tokens: Callable[[str], int]
    reported: UsageReport | None = None
    thoughts: list[str] = field(default_factory=list)

    @property
    def model(self) -> Model:
        """Give the model that is asked."""
        return self.request.model

    @property
    def attempt(self) -> Attempt:
        """Describe the call for the log and the beat, before it goes out."""
        model = self.model
        return Attempt(
            number=self.number, provider=model.provider, model=model.name, price=model.price
        )

    def record(
        self, outcome: AttemptOutcome, code: str, text: str, *, was_refused: bool
    ) -> AttemptRecord:
        """Book the call: as the provider reported it, and by estimate where it reported nothing.

        `text` is the part of the answer that the call wrote. A call that was refused before it
        produced anything used nothing, unless the provider counted both sides of it.
        """
        model = self.model
        usage = self._used(text, was_refused=was_refused)
        return AttemptRecord(
            number=self.number,
            provider=model.provider,
            model=model.name,
            outcome=outcome,
            usage=usage,
            cost=model.price.cost(usage) if model.price else None,
            code=code,
        )

    def _used(self, text: str, *, was_refused: bool) -> Usage:
        reported = self.reported
        if reported is not None and reported.is_whole:
            return reported.usage
        if was_refused:
            return Usage()
        estimate = self._estimate(text)
        return estimate if reported is None else reported.completed(estimate)

    def _estimate(self, text: str) -> Usage:
        thought = "".join(self.thoughts)
        reasoning_tokens = self.count_tokens(thought) if thought else 0
        answer_tokens = self.count_tokens(text) if text else 0
        return Usage(
            input_tokens=input_estimate(self.request),
            output_tokens=answer_tokens + reasoning_tokens,
            reasoning_tokens=reasoning_tokens,
            source=UsageSource.ESTIMATED,
        )

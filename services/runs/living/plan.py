"""Which models a run asks, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.providers.base import ProviderRequest


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of whom, in order; `hedge_seconds`: when the second is asked beside the first.

    None: only where the first fails. `is_named`: a person named the first model.
    """

    requests: Sequence[ProviderRequest]
    hedge_seconds: float | None = None
    is_named: bool = True

    @property
    def first(self) -> ProviderRequest:
        """Give what the run's own model is asked."""
        return self.requests[0]

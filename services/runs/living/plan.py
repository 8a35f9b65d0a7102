"""Which models a run asks, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.providers.base import ProviderRequest


@dataclass(frozen=True, slots=True)
class Plan:
    """The requests to make, each to another model, in order.

    `hedge_seconds`: after this time, the second is made beside the first; None: only where the
    first fails. `is_named`: a person named the first model.
    """

    requests: Sequence[ProviderRequest]
    hedge_seconds: float | None = None
    is_named: bool = True

    @property
    def first(self) -> ProviderRequest:
        """Give the request to the run's own model."""
        return self.requests[0]

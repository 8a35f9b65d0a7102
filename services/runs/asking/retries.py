"""When a call is made again."""

import random
from dataclasses import dataclass

from services.domain.errors.upstream import ProviderError


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """How often a call is made again before its first token, and after how many seconds.

    The delay grows from `min_seconds` to `max_seconds` with jitter. It is never shorter than what
    the upstream asks for, and where that is more than `retry_after_max` the call is not made again.
    """

    retries: int
    min_seconds: float
    max_seconds: float
    retry_after_max: float

    def delay(self, error: ProviderError, tries: int) -> float:
        """Give the seconds to wait after the `tries`-th failed call."""
        ceiling = min(self.max_seconds, self.min_seconds * 2**tries)
        backoff = random.uniform(min(self.min_seconds, ceiling), ceiling)  # noqa: S311 - jitter, no secret
        # "Retry-After: 0" must not bring all runs back at the same moment.
        return max(error.retry_after or 0.0, backoff)

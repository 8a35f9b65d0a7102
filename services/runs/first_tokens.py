"""How long each model took to its first token lately, as this worker saw it."""

import time
from collections import deque
from collections.abc import Callable

from services.domain.catalog import Model

SAMPLES = 50
RECENT_SECONDS = 600.0
ENOUGH_FOR_A_TAIL = 20
"""With fewer samples a 95th percentile is but the slowest one."""


class FirstTokens:
    """Remembers the newest times of each model; older ones say nothing of now."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any."""
        self._clock = clock
        self._seen: dict[tuple[str, str], deque[tuple[float, float]]] = {}

    def record(self, model: Model, seconds: float) -> None:
        """Take in a time."""
        key = (model.provider, model.name)
        kept = self._seen.setdefault(key, deque(maxlen=SAMPLES))
        kept.append((self._clock(), seconds))

    def median(self, model: Model) -> float | None:
        """Give the middle one; None: nothing was seen lately."""
        times = self._recent(model)
        return times[len(times) // 2] if times else None

    def p95(self, model: Model) -> float | None:
        """Give the time that 95 % did not exceed; None: too few were seen lately."""
        times = self._recent(model)
        if len(times) < ENOUGH_FOR_A_TAIL:
            return None
        return times[min(len(times) - 1, int(len(times) * 0.95))]

    def _recent(self, model: Model) -> list[float]:
        since = self._clock() - RECENT_SECONDS
        seen = self._seen.get((model.provider, model.name), ())
        return sorted(seconds for at, seconds in seen if at >= since)

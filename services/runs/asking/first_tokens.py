"""How long each model has lately taken to its first token, as this worker saw it."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from services.domain.catalog import Model

SAMPLES = 50
RECENT_SECONDS = 600.0
MOST_MODELS = 1000
"""The number of models that are remembered; it is bounded as their names may come from users."""

ENOUGH_FOR_A_TAIL = 20
"""With fewer samples, a 95th percentile is just the slowest of them."""


class FirstTokens:
    """Remembers the newest times of each model; older times say nothing about now.

    A call that gave no token counts as one that took for ever.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any times."""
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], deque[tuple[float, float]]] = OrderedDict()

    def record(self, model: Model, seconds: float) -> None:
        """Note the seconds that a call took to its first token; `math.inf`: it gave none."""
        key = (model.provider, model.name)
        kept = self._seen.setdefault(key, deque(maxlen=SAMPLES))
        kept.append((self._clock(), seconds))
        self._seen.move_to_end(key)
        if len(self._seen) > MOST_MODELS:
            self._seen.popitem(last=False)

    def median(self, model: Model) -> float | None:
        """Give the median of the times, in seconds; None: no call was seen lately."""
        times = self._recent(model)
        return times[len(times) // 2] if times else None

    def p95(self, model: Model) -> float | None:
        """Give the seconds that 95 % of first tokens took at most; None: too few were seen."""
        times = [seconds for seconds in self._recent(model) if seconds < math.inf]
        if len(times) < ENOUGH_FOR_A_TAIL:
            return None
        return times[min(len(times) - 1, int(len(times) * 0.95))]

    def _recent(self, model: Model) -> list[float]:
        since = self._clock() - RECENT_SECONDS
        seen = self._seen.get((model.provider, model.name), ())
        return sorted(seconds for at, seconds in seen if at >= since)

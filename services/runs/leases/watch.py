"""Which other workers are dead, by the counters of their beats and this worker's own clock.

Clocks of different machines are never compared. While the store does not answer, no worker is taken
for dead.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class _Sight:
    """A worker's counter, and since when it has this value."""

    counter: int
    since: float


class WorkerWatch:
    """Watches the workers on record from one answered beat to the next.

    A worker is dead when its counter has stood still for `dead_seconds`, during which every beat of
    this worker was answered in time. After a gap, every worker is given the whole time again.
    """

    def __init__(
        self,
        dead_seconds: float,
        longest_gap_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without having seen any worker."""
        self._dead_seconds = dead_seconds
        self._longest_gap_seconds = longest_gap_seconds
        self._clock = clock
        self._sights: dict[str, _Sight] = {}
        self._seen_at: float | None = None

    def saw(self, others: Mapping[str, int]) -> None:
        """Take the counters that an answered beat brought."""
        now = self._clock()
        if self._seen_at is None or now - self._seen_at > self._longest_gap_seconds:
            self._sights.clear()
        self._seen_at = now
        for worker_id in self._sights.keys() - others.keys():
            del self._sights[worker_id]
        for worker_id, counter in others.items():
            sight = self._sights.get(worker_id)
            if sight is None or sight.counter != counter:
                self._sights[worker_id] = _Sight(counter, now)

    def missed(self) -> None:
        """Note that a beat was not answered: until the next one, nothing is known of any worker."""
        self._seen_at = None

    def dead(self) -> list[str]:
        """Name the dead workers, as of the last answered beat."""
        if self._seen_at is None:
            return []
        return sorted(
            worker_id
            for worker_id, sight in self._sights.items()
            if self._seen_at - sight.since >= self._dead_seconds
        )

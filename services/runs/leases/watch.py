"""Which other workers are dead: seen by this worker's own clock, from the counters of their beats.

Clocks of different machines are never compared. A store that does not answer kills nobody.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class _Sight:
    """A worker's counter, and since when it stands there."""

    counter: int
    since: float


class WorkerWatch:
    """Watches the workers on record from one answered beat to the next.

    One is dead whose counter has stood still for `dead_seconds`, with every beat of ours answered,
    and in time: after a gap everybody is given the whole time again.
    """

    def __init__(
        self,
        dead_seconds: float,
        longest_gap_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nobody in sight."""
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
        """Note that a beat was not answered: nothing is known of anybody until the next one."""
        self._seen_at = None

    def dead(self) -> list[str]:
        """Name the dead, as of the last answered beat."""
        if self._seen_at is None:
            return []
        return sorted(
            worker_id
            for worker_id, sight in self._sights.items()
            if self._seen_at - sight.since >= self._dead_seconds
        )

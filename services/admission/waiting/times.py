"""The times and the clock of the queue."""

import time
from dataclasses import dataclass
from typing import Protocol

from gevent.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTimes:
    """The times of a queue, in seconds.

    `window` is that of the quotas. `tell` is the pause between two positions that a call is told.
    `ask` is the longest pause before room is asked for again, whatever the quota said: calls that
    took less than expected make room too.
    """

    window: float = 60
    tell: float = 0.5
    ask: float = 0.5


class Clock(Protocol):
    """The clock by which the queue sleeps."""

    def now(self) -> float:
        """Give the time in seconds, which never goes back."""

    def wait(self, event: Event, seconds: float) -> None:
        """Return once the event is set, or after so many seconds."""


class MonotonicClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Read the machine's clock."""
        return time.monotonic()

    def wait(self, event: Event, seconds: float) -> None:
        """Sleep until the event is set, or for so many seconds."""
        event.wait(seconds)

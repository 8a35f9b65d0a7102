"""What the queue goes by: its times and its clock."""

import time
from dataclasses import dataclass
from typing import Protocol

from gevent.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTimes:
    """The times of a queue, in seconds.

    `window` is the quotas'. `tell`: between two positions that are told. `ask`: room is asked for
    again at the latest, whatever the quota said: calls that took less than expected make room too.
    """

    window: float = 60
    tell: float = 0.5
    ask: float = 0.5


class Clock(Protocol):
    """What the queue sleeps by."""

    def now(self) -> float:
        """Give seconds that only grow."""

    def wait(self, event: Event, seconds: float) -> None:
        """Return once the event is set, or after so many seconds."""


class MonotonicClock:
    """The machine's."""

    def now(self) -> float:
        """Ask the machine."""
        return time.monotonic()

    def wait(self, event: Event, seconds: float) -> None:
        """Sleep."""
        event.wait(seconds)

"""Measures how long something has been going on, with pauses."""

from collections.abc import Callable

Now = Callable[[], float]
"""Gives the time of a monotonic clock, in seconds."""


class Stopwatch:
    """Runs from `start` to `stop`, as often as wanted, and adds up the seconds.

    `since` is when it was started last, None while it is stopped; `stopped_seconds` is what it
    showed then.
    """

    def __init__(self, now: Now) -> None:
        """Begin at zero, stopped."""
        self._now = now
        self.since: float | None = None
        self.stopped_seconds = 0.0

    def start(self) -> None:
        """Start it; where it runs already, nothing changes."""
        if self.since is None:
            self.since = self._now()

    def stop(self) -> None:
        """Stop it, and keep what it shows."""
        self.stopped_seconds, self.since = self.seconds, None

    @property
    def seconds(self) -> float:
        """Give the seconds that it shows now."""
        if self.since is None:
            return self.stopped_seconds
        return self.stopped_seconds + self._now() - self.since

"""How long something has been going on, with pauses."""

from collections.abc import Callable

Now = Callable[[], float]
"""Gives the time of a monotonic clock, in seconds."""


class Stopwatch:
    """Runs from `start` to `stop`, as often as wanted, and adds up.

    `since` is when it was started, None while it stands; `stopped_seconds` is what it had then.
    """

    def __init__(self, now: Now) -> None:
        """Begin at zero, standing."""
        self._now = now
        self.since: float | None = None
        self.stopped_seconds = 0.0

    def start(self) -> None:
        """Let it run; where it does already, nothing changes."""
        if self.since is None:
            self.since = self._now()

    def stop(self) -> None:
        """Let it stand, and keep what it shows."""
        self.stopped_seconds, self.since = self.seconds, None

    @property
    def seconds(self) -> float:
        """Give what it shows now."""
        if self.since is None:
            return self.stopped_seconds
        return self.stopped_seconds + self._now() - self.since

"""Time that passes for the subject of a test: by itself, or on a clock that the test moves."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from subjects.clock import Clock
from worlds.patience import PATIENCE_SECONDS

STEP_SECONDS = 1 / 128
"""How often a test looks; it is exact as a float, so that steps add up to what they should."""


class PassingTime(ABC):
    """A way for a test to wait, and to measure how long it waited."""

    @abstractmethod
    def now(self) -> float:
        """Give the seconds since some moment."""

    @abstractmethod
    def pass_seconds(self, seconds: float) -> None:
        """Let so much time pass."""

    def until(self, holds: Callable[[], bool], step: float = STEP_SECONDS) -> None:
        """Return once it holds, or fail; look every `step` seconds."""
        deadline = self.now() + PATIENCE_SECONDS
        while not holds():
            assert self.now() < deadline, "it did not happen"
            self.pass_seconds(step)


class RealTime(PassingTime):
    """Passes by itself, as it does for a Redis, whatever else happens."""

    def now(self) -> float:
        """Give the time by a clock that never goes back."""
        return time.monotonic()

    def pass_seconds(self, seconds: float) -> None:
        """Wait for it."""
        until = self.now() + seconds
        while (left := until - self.now()) > 0:
            time.sleep(left)


class MovedTime(PassingTime):
    """Stands still unless the test lets it pass: `clock` is for the code that counts by it."""

    def __init__(self) -> None:
        """Begin."""
        self.clock = Clock()

    def now(self) -> float:
        """Give the time."""
        return self.clock()

    def pass_seconds(self, seconds: float) -> None:
        """Move the clock, and wait for nothing."""
        self.clock.now += seconds

"""Limits of callers, and the contract of what counts them."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Priority(StrEnum):
    """Who goes first where there is no room for everybody."""

    INTERACTIVE = "interactive"
    BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in any span of so many seconds; `text` says it to people."""

    text: str
    amount: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands with a limit; `reset_seconds` until the oldest one counts no more."""

    limit: Limit
    remaining: int
    reset_seconds: float

    @property
    def whole_seconds(self) -> int:
        """Give the seconds to wait, rounded up, at least one."""
        return max(1, math.ceil(self.reset_seconds))


@dataclass(frozen=True, slots=True)
class Count:
    """Where somebody stands with several limits, and whether all of them had room for one more."""

    fits: bool
    standings: Sequence[Standing]

    @property
    def tightest(self) -> Standing:
        """Give the limit that is met first; of several that are used up the longest one."""
        return min(self.standings, key=lambda one: (one.remaining, -one.reset_seconds))


class Windows(ABC):
    """Counts in windows that move with the clock.

    No method fails or waits for long: what counts over all workers counts by itself while the
    others are out of reach.
    """

    @abstractmethod
    def look(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Tell where a subject stands; takes nothing."""

    @abstractmethod
    def take(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Count one for each limit where all have room, else for none."""

    @abstractmethod
    def add(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Count one for each limit, room or not: it has happened.

        What is beyond a limit has to leave the window too before there is room again.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back connections; nothing is counted any more."""

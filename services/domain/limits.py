"""Limits of callers, and the contract of the counter behind them."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

ESCAPED_CHAR_BYTES = 12
"""A character outside the basic plane, written as two JSON escapes: the most that one takes."""

GROWTH = 4


class Priority(StrEnum):
    """Which calls go first where there is no room for all."""

    INTERACTIVE = "interactive"
    BACKGROUND = "background"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` in any span of `seconds`; `text` says so for people."""

    text: str
    amount: int
    seconds: int


def widened(limit: Limit, step: int) -> Limit:
    """Give the limit of a network so many circles around the one that has this limit.

    Each circle has the room of `GROWTH` of the next smaller: a carrier's customers share a /48.
    """
    if step == 0:
        return limit
    times = GROWTH**step
    text = f"{times} times {limit.text} for a wider network"
    return replace(limit, text=text, amount=limit.amount * times)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a limit; the oldest counted request stops counting in `reset_seconds`."""

    limit: Limit
    remaining: int
    reset_seconds: float

    @property
    def whole_seconds(self) -> int:
        """Give the seconds to wait, rounded up, at least one."""
        return max(1, math.ceil(self.reset_seconds))


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that was counted: when, by the clock of whoever counts, and by whom."""

    at: float
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """The standing with each of several limits, and whether all of them had room for one more.

    `entry` is what was counted, to be given back; None: nothing was.
    """

    fits: bool
    standings: Sequence[Standing]
    entry: Entry | None = None

    @property
    def tightest(self) -> Standing:
        """Give the standing with least left; of used-up limits, the one with the longest wait."""
        return min(self.standings, key=lambda one: (one.remaining, -one.reset_seconds))


class Windows(ABC):
    """Counts requests in windows that move with the clock.

    A clock that is set back lets nobody wait for longer than the span of a limit.

    No method fails or waits for long: a counter that is shared by all workers counts for its own
    worker alone while the shared counts are out of reach.
    """

    @abstractmethod
    def look(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Tell a subject's standing with each limit; counts nothing."""

    @abstractmethod
    def take(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Count one request against each limit where all have room, else against none."""

    @abstractmethod
    def give_back(self, subject: str, limits: Sequence[Limit], entry: Entry) -> Count:
        """Count a request no more that `take` has counted against these limits.

        It may stay counted until the window has moved past it: where the shared counts have been
        out of reach since, or their clock was set back.
        """

    @abstractmethod
    def add(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Count one request against each limit, even without room: it has happened already.

        Requests beyond a limit must leave the window too before there is room again.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connections; nothing is counted after that."""

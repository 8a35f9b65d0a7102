"""Limits that are counted in this process."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import NamedTuple

from services.domain.limits import Count, Entry, Limit, Standing, Windows

_SWEPT_AT_ONCE = 2
"""Windows that each request looks at, to drop those that are over: more than it can make."""


class _Key(NamedTuple):
    subject: str
    amount: int
    seconds: int


class LocalWindows(Windows):
    """Counts in memory, for this process alone, by a clock that nobody sets."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin at zero."""
        self._clock = clock
        self._taken: OrderedDict[_Key, deque[float]] = OrderedDict()
        self._lock = Lock()

    def look(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Look at each limit, and count nothing."""
        with self._lock:
            return self._look(subject, limits, self._clock())

    def take(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Look first, then count."""
        with self._lock:
            now = self._clock()
            found = self._look(subject, limits, now)
            return self._enter(subject, limits, now, fits=True) if found.fits else found

    def add(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Count, then look."""
        with self._lock:
            now = self._clock()
            fits = self._look(subject, limits, now).fits
            return self._enter(subject, limits, now, fits=fits)

    def give_back(self, subject: str, limits: Sequence[Limit], entry: Entry) -> Count:
        """Take the entry out."""
        with self._lock:
            for limit in limits:
                with suppress(KeyError, ValueError):  # it has left the window
                    self._taken[_key(subject, limit)].remove(entry.at)
            return self._look(subject, limits, self._clock())

    def close(self) -> None:
        """Nothing is held."""

    def _enter(self, subject: str, limits: Sequence[Limit], now: float, *, fits: bool) -> Count:
        for limit in limits:
            self._taken.setdefault(_key(subject, limit), deque()).append(now)
            self._sweep(now)
        return Count(fits, self._look(subject, limits, now).standings, Entry(now))

    def _look(self, subject: str, limits: Sequence[Limit], now: float) -> Count:
        standings = [self._standing(_key(subject, limit), limit, now) for limit in limits]
        return Count(all(one.remaining > 0 for one in standings), standings)

    def _standing(self, key: _Key, limit: Limit, now: float) -> Standing:
        taken = self._taken.get(key, ())
        while taken and taken[0] + limit.seconds <= now:
            self._taken[key].popleft()
        if not taken:
            return Standing(limit, limit.amount, limit.seconds)
        first = taken[max(0, len(taken) - limit.amount)]  # whose end makes room
        return Standing(limit, max(0, limit.amount - len(taken)), first + limit.seconds - now)

    def _sweep(self, now: float) -> None:
        """Drop what is over, a little at a time: callers may be as many as there are addresses."""
        for _ in range(_SWEPT_AT_ONCE):
            key = next(iter(self._taken))
            taken = self._taken[key]
            if taken and taken[-1] + key.seconds > now:
                self._taken.move_to_end(key)
            else:
                del self._taken[key]


def _key(subject: str, limit: Limit) -> _Key:
    return _Key(subject, limit.amount, limit.seconds)

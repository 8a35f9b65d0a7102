"""Limits that are counted in this process."""

import time
from collections.abc import Sequence
from threading import Lock

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from services.domain.limits import Count, Limit, Standing, Windows

BEYOND_ANY_LIMIT = 10**9
"""Makes the library count without a check for room."""


class LocalWindows(Windows):
    """Counts in memory, for this process alone."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._storage = MemoryStorage()
        self._counter = MovingWindowRateLimiter(self._storage)
        self._taking = Lock()  # the library starts a timer in the midst of it, which yields

    def look(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Look at each limit, and count nothing."""
        standings = [self._standing(subject, limit) for limit in limits]
        return Count(all(one.remaining > 0 for one in standings), standings)

    def take(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Look first, then count."""
        with self._taking:
            fits = self.look(subject, limits).fits
            if fits:
                self._enter(subject, limits)
            return Count(fits, self.look(subject, limits).standings)

    def add(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Count, then look."""
        with self._taking:
            fits = self.look(subject, limits).fits
            self._enter(subject, limits)
            return Count(fits, self.look(subject, limits).standings)

    def close(self) -> None:
        """Nothing is held."""

    def _enter(self, subject: str, limits: Sequence[Limit]) -> None:
        for limit in limits:
            key = _item(limit).key_for(subject)
            self._storage.acquire_entry(key, BEYOND_ANY_LIMIT, limit.seconds)

    def _standing(self, subject: str, limit: Limit) -> Standing:
        reset_at, remaining = self._counter.get_window_stats(_item(limit), subject)
        return Standing(limit, max(0, remaining), max(0.0, reset_at - time.time()))


def _item(limit: Limit) -> RateLimitItem:
    return RateLimitItemPerSecond(limit.amount, limit.seconds)

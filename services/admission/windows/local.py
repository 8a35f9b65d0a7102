"""Limits that are counted in this process."""

import time
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import NamedTuple
from zlib import crc32

from services.domain.limits import Count, Entry, Limit, Standing, Windows

_SWEPT_AT_ONCE = 2
"""Windows that each request looks at, to drop those that are over: more than it can make."""


_MOST_WINDOWS = 50_000
"""Of each kind of subject (what stands before its first colon); 450 bytes each."""

_CROWDS = 1024
"""So many windows are shared by all further subjects of a kind: a million addresses take no more
memory, and are let do no more, than as many callers."""


class _Key(NamedTuple):
    subject: str
    amount: int
    seconds: int


class LocalWindows(Windows):
    """Counts in memory, for this process alone, by a clock that nobody sets."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, most_windows: int = _MOST_WINDOWS
    ) -> None:
        """Begin at zero."""
        self._clock = clock
        self._most_windows = most_windows
        self._taken: OrderedDict[_Key, list[float]] = OrderedDict()
        self._windows_of: Counter[str] = Counter()
        self._lock = Lock()

    def __len__(self) -> int:
        """Tell how many windows are kept."""
        return len(self._taken)

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
                key = self._key(subject, limit)
                with suppress(KeyError, ValueError):  # it has left the window
                    self._taken[key].remove(entry.at)
                    self._drop_if_empty(key)
            return self._look(subject, limits, self._clock())

    def close(self) -> None:
        """Nothing is held."""

    def _enter(self, subject: str, limits: Sequence[Limit], now: float, *, fits: bool) -> Count:
        for limit in limits:
            key = self._key(subject, limit)
            if key not in self._taken:
                self._windows_of[_kind(key.subject)] += 1
                self._taken[key] = []
            self._taken[key].append(now)
            self._sweep(now)
        return Count(fits, self._look(subject, limits, now).standings, Entry(now))

    def _key(self, subject: str, limit: Limit) -> _Key:
        """Give the window of a subject, which is one of the crowd's where there are too many."""
        key = _Key(subject, limit.amount, limit.seconds)
        kind = _kind(subject)
        if key in self._taken or self._windows_of[kind] < self._most_windows:
            return key
        return key._replace(subject=f"{kind}:#{crc32(subject.encode()) % _CROWDS}")

    def _look(self, subject: str, limits: Sequence[Limit], now: float) -> Count:
        standings = [self._standing(self._key(subject, limit), limit, now) for limit in limits]
        return Count(all(one.remaining > 0 for one in standings), standings)

    def _standing(self, key: _Key, limit: Limit, now: float) -> Standing:
        taken = self._taken.get(key, [])
        if taken and taken[0] + limit.seconds <= now:
            del taken[: bisect_right(taken, now - limit.seconds)]
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
                taken.clear()
                self._drop_if_empty(key)

    def _drop_if_empty(self, key: _Key) -> None:
        if not self._taken[key]:
            del self._taken[key]
            self._windows_of[_kind(key.subject)] -= 1


def _kind(subject: str) -> str:
    return subject.partition(":")[0]

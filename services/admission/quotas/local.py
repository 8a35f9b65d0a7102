"""Quotas of providers that are counted in this process."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from secrets import token_hex
from threading import Lock

from services.admission.quotas.base import (
    ABANDONED_SECONDS,
    MIN_WAIT_SECONDS,
    NO_QUOTA,
    WAITING_SECONDS,
    Quota,
    QuotaLeft,
    Quotas,
    Reservation,
    Wait,
)

MOST_SEEN = 1000
"""Reservations that are looked at to tell a wait: that takes a fraction of a millisecond."""


class LocalQuotas(Quotas):
    """Counts in memory, for this process alone."""

    def __init__(
        self,
        limits: Mapping[str, Quota],
        window_seconds: float,
        abandoned_seconds: float = ABANDONED_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing taken."""
        self.limits = dict(limits)
        self._clock = clock
        self._windows = {
            provider: _Window(quota, window_seconds, abandoned_seconds)
            for provider, quota in limits.items()
            if quota != NO_QUOTA
        }
        self._lock = Lock()

    def reserve(
        self, provider: str, tokens: int, *, background: bool = False, more_wait: bool = False
    ) -> Reservation | Wait:
        """Take what is wanted, if there is room."""
        window = self._windows.get(provider)
        if window is None:
            return Reservation(provider, token_hex(12), tokens)
        taken = Reservation(provider, token_hex(12), window.quota.fitting(tokens))
        with self._lock:
            seconds = window.take(taken, self._clock(), background=background, more_wait=more_wait)
        return Wait(seconds) if seconds else taken

    def arrived(self, reservation: Reservation) -> None:
        """Let the reservation's span begin."""
        if window := self._windows.get(reservation.provider):
            with self._lock:
                window.arrived(reservation.id, self._clock())

    def correct(self, reservation: Reservation, tokens: int) -> None:
        """Count the given tokens in place of the estimated ones."""
        if window := self._windows.get(reservation.provider):
            with self._lock:
                window.correct(reservation.id, max(0, tokens))

    def cancel(self, reservation: Reservation) -> None:
        """Forget the reservation."""
        if window := self._windows.get(reservation.provider):
            with self._lock:
                window.cancel(reservation.id)

    def left(self, provider: str) -> QuotaLeft:
        """Give what is left."""
        window = self._windows.get(provider)
        if window is None:
            return QuotaLeft(None, None, 0.0)
        with self._lock:
            return window.left(self._clock())

    def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class _Entry:
    """A reservation; `at`: when it arrived, or when it was reserved while it is on its way."""

    at: float
    tokens: int


@dataclass(slots=True)
class _Window:
    """What one provider was asked for; the oldest reservation comes first."""

    quota: Quota
    span: float
    abandoned: float
    on_its_way: OrderedDict[str, _Entry] = field(default_factory=OrderedDict)
    there: OrderedDict[str, _Entry] = field(default_factory=OrderedDict)
    tokens: int = 0
    waits_until: float = 0.0

    @property
    def requests(self) -> int:
        return len(self.on_its_way) + len(self.there)

    def take(self, wanted: Reservation, now: float, *, background: bool, more_wait: bool) -> float:
        """Take what is wanted and give 0, or give the seconds until there can be room."""
        self._move(now)
        seconds = self._until_room(wanted.tokens, now)
        if background and now < self.waits_until:
            seconds = max(seconds, self.waits_until - now)
        if seconds:
            seconds = max(seconds, MIN_WAIT_SECONDS)
            if not background:
                self.waits_until = now + WAITING_SECONDS
            return seconds
        if not background:
            is_waited_for = more_wait and now < self.waits_until
            self.waits_until = now + WAITING_SECONDS if is_waited_for else 0.0
        self.on_its_way[wanted.id] = _Entry(now, wanted.tokens)
        self.tokens += wanted.tokens
        return 0.0

    def arrived(self, id_: str, now: float) -> None:
        if entry := self.on_its_way.pop(id_, None):
            entry.at = now
            self.there[id_] = entry

    def correct(self, id_: str, tokens: int) -> None:
        if entry := self.on_its_way.get(id_) or self.there.get(id_):
            self.tokens += tokens - entry.tokens
            entry.tokens = tokens

    def cancel(self, id_: str) -> None:
        if entry := self.on_its_way.pop(id_, None):
            self.tokens -= entry.tokens

    def left(self, now: float) -> QuotaLeft:
        self._move(now)
        reset = 0.0
        if self.on_its_way:
            reset = self.span
        elif self.there:
            reset = self._leaves(next(reversed(self.there.values())), now)
        quota = self.quota
        return QuotaLeft(
            None if quota.requests is None else max(0, quota.requests - self.requests),
            None if quota.tokens is None else max(0, quota.tokens - self.tokens),
            reset,
        )

    def _move(self, now: float) -> None:
        """Remove reservations whose span is over, and give up those on their way for too long."""
        for id_, entry in _while(self.on_its_way, lambda one: one.at + self.abandoned <= now):
            del self.on_its_way[id_]
            self.there[id_] = _Entry(now, entry.tokens)
        for id_, entry in _while(self.there, lambda one: one.at + self.span <= now):
            del self.there[id_]
            self.tokens -= entry.tokens

    def _until_room(self, wanted: int, now: float) -> float:
        seconds = 0.0
        if self.quota.requests is not None:
            excess = self.requests + 1 - self.quota.requests
            if excess > 0:
                last = next(islice(self.there.values(), excess - 1, None), None)
                seconds = self._leaves(last, now)
        if self.quota.tokens is not None:
            excess = self.tokens + wanted - self.quota.tokens
            if excess > 0:
                seconds = max(seconds, self._leaves(self._last_of(excess), now))
        return seconds

    def _last_of(self, tokens: int) -> _Entry | None:
        """Find the entry with which so many tokens have left; None: it has not arrived yet."""
        entry = None
        for entry in islice(self.there.values(), MOST_SEEN):
            tokens -= entry.tokens
            if tokens <= 0:
                return entry
        return entry if len(self.there) > MOST_SEEN else None

    def _leaves(self, entry: _Entry | None, now: float) -> float:
        return self.span if entry is None else entry.at + self.span - now


def _while(
    entries: OrderedDict[str, _Entry], holds: Callable[[_Entry], bool]
) -> Iterable[tuple[str, _Entry]]:
    """Give the oldest entries, for as long as `holds` is true of them; each may be removed."""
    while entries:
        id_ = next(iter(entries))
        entry = entries[id_]
        if not holds(entry):
            return
        yield id_, entry

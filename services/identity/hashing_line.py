"""The line in which passwords wait to be hashed: bounded, and fair by network."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from gevent.event import AsyncResult

from services.domain.callers.networks import circles_of
from services.domain.callers.peers import Peer
from services.domain.errors.outages import TooManyLogins

LEVELS = 3
"""Circles of networks that are looked at, from wide to narrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRules:
    """How many may be served at once, how many may wait, and for how many seconds."""

    places: int
    size: int
    seconds: float


@dataclass(slots=True, eq=False)
class _Waiter:
    """Somebody who waits; `answer` gives whether there is a place."""

    peer: Peer
    number: int
    circles: tuple[str, ...]
    answer: "AsyncResult[bool]" = field(default_factory=AsyncResult)


class HashingLine:
    """Gives places to those who are known first, and among equals to each network in its turn.

    A full line loses the newest of whoever holds most of it. Who has left, or waited for too long,
    is given no place.
    """

    def __init__(self, rules: LineRules) -> None:
        """Begin with all places free."""
        self._rules = rules
        self._free = rules.places
        self._waiting: list[_Waiter] = []
        self._numbers = count(1)
        self._served: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        """Tell how many wait."""
        return len(self._waiting)

    @contextmanager
    def place(self, peer: Peer) -> Iterator[None]:
        """Hold a place during the block, or raise TooManyLogins."""
        if self._free and not self._waiting:
            self._free -= 1
        else:
            self._wait(peer)
        try:
            yield
        finally:
            self._free += 1
            self._give_places()

    def _wait(self, peer: Peer) -> None:
        waiter = _Waiter(peer, next(self._numbers), _wide_first(peer.address))
        self._waiting.append(waiter)
        if len(self._waiting) > self._rules.size:
            self._answer(self._who_holds_most(), has_place=False)
        try:
            waiter.answer.wait(self._rules.seconds)
        except BaseException:  # killed while it waited
            if self._left_line(waiter):
                self._free += 1
                self._give_places()
            raise
        if not self._left_line(waiter):
            raise TooManyLogins

    def _left_line(self, waiter: _Waiter) -> bool:
        """Take a waiter out of the line; tell whether it was given a place before."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        return bool(waiter.answer.ready() and waiter.answer.value)

    def _give_places(self) -> None:
        while self._free and self._waiting:
            waiter = min(self._waiting, key=self._order)
            has_place = not waiter.peer.has_left()
            if has_place:
                self._free -= 1
                self._remember(waiter)
            self._answer(waiter, has_place=has_place)

    def _answer(self, waiter: _Waiter, *, has_place: bool) -> None:
        self._waiting.remove(waiter)
        waiter.answer.set(has_place)

    def _order(self, waiter: _Waiter) -> tuple[bool, list[int], int]:
        """Put the network first that was served least recently, in the widest circle first."""
        served = [self._served.get(circle, 0) for circle in waiter.circles]
        return (not waiter.peer.is_known, served, waiter.number)

    def _remember(self, served: _Waiter) -> None:
        if len(self._served) > LEVELS * self._rules.size:
            present = {circle for waiter in self._waiting for circle in waiter.circles}
            self._served = {one: at for one, at in self._served.items() if one in present}
        self._served |= dict.fromkeys(served.circles, next(self._numbers))

    def _who_holds_most(self) -> _Waiter:
        """Find the newest of those who hold most, in the widest circle first; strangers first."""
        strangers = [waiter for waiter in self._waiting if not waiter.peer.is_known]
        candidates = strangers or self._waiting
        for level in range(LEVELS):
            held = Counter(waiter.circles[level] for waiter in candidates)
            most = max(held.values())
            candidates = [one for one in candidates if held[one.circles[level]] == most]
        return candidates[-1]


def _wide_first(address: str) -> tuple[str, ...]:
    circles = circles_of(address)[::-1]
    return circles + circles[-1:] * (LEVELS - len(circles))

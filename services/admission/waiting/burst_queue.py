"""This worker's queue of calls that wait for room at their provider, bounded and in fair order."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from services.admission.quotas.base import NO_QUOTA, Quotas, Reservation
from services.admission.waiting.forecast import Forecast
from services.admission.waiting.line import Line, Waiter
from services.admission.waiting.times import Clock, MonotonicClock, QueueTimes
from services.domain.errors.outages import Draining
from services.domain.errors.requests import TooManyRequests
from services.domain.limits import Priority

CLOSE_SECONDS = 2.0
"""Longer than a quota takes to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call that wants to go out.

    `tell` gets the call's position (1: the next) when the call has to wait and whenever the
    position has changed, at a bounded pace. It must not block.
    """

    provider: str
    user_id: str
    tokens: int
    tell: Callable[[int], None]
    priority: Priority = Priority.INTERACTIVE


class Place:
    """A promise to a user that a call may wait, however full the queue is by then.

    It holds unless it is the newest of a user who has most of a full queue when somebody else
    comes: then the call waits only if there is room for it.
    """

    def __init__(self, user_id: str, promised: "dict[Place, None]") -> None:
        """Join the places that are promised and not redeemed yet."""
        self.user_id = user_id
        self._promised: dict[Place, None] | None = promised
        promised[self] = None

    def give_back(self) -> None:
        """Give up the place; a second call does nothing."""
        if self._promised is not None:
            self._promised.pop(self, None)
        self._promised = None

    def redeem(self, promised: "dict[Place, None]") -> bool:
        """Let the call wait in its place; False: it is none, or for another provider."""
        if self._promised is not promised:
            return False
        promised.pop(self, None)
        return True


class _ProviderQueue:
    """The queue of one provider: its line, the places that are promised, and the forecast."""

    def __init__(self, provider: str, line: Line, forecast: Forecast) -> None:
        self.provider = provider
        self.line = line
        self.forecast = forecast
        self.promised: dict[Place, None] = {}

    @property
    def load(self) -> int:
        return len(self.line) + len(self.promised)

    def full(self, now: float) -> TooManyRequests:
        """Make the refusal, which says in how many seconds there is a place."""
        return self._refusal(
            now, f"{self.load} answers wait for {self.provider} already, as many as may."
        )

    def make_room(self, user_id: str, now: float) -> bool:
        """Take the newest place of who has most, unless this user would have as many then.

        That call ends as one that found the queue full; a promise that is taken is tried then.
        """
        held = self.line.by_user()
        held.update(place.user_id for place in self.promised)
        most, number = held.most_common(1)[0] if held else ("", 0)
        if number - 1 <= held[user_id]:
            return False
        newest = next((one for one in reversed(self.promised) if one.user_id == most), None)
        if newest is not None:
            newest.give_back()
            return True
        told = f"Many wait for {self.provider}, and most of their places were yours."
        return self.line.send_away(most, self._refusal(now, told))

    def _refusal(self, now: float, told: str) -> TooManyRequests:
        seconds = self.forecast.turn_away(now, self.line.room_at if self.line else None, self.load)
        detail = f"{told} Try again in {max(1, math.ceil(seconds))} s."
        return TooManyRequests(detail, retry_after=seconds, code="queue_full")


class BurstQueue:
    """Holds calls back until their provider has room, and gives each its reservation.

    Interactive calls go before background ones. Within a priority users take turns, each user's own
    calls in order of arrival. The first call in line waits for its tokens, and no smaller call
    overtakes it: otherwise a call that needs many tokens would starve behind many that need few.
    Where the queue is full, the newest call of the user with most calls makes room for a user with
    fewer: one user alone can keep nobody out.

    Each worker has its own queue and its own positions; the quotas bound what all workers send
    together. The quotas also hold back the background calls of all workers while an interactive
    call waits at any of them. A background call may still go first for at most half a second after
    that call has arrived, and for longer only while Redis is away.
    """

    def __init__(
        self,
        quotas: Quotas,
        size: int,
        *,
        on_wait: Callable[[str, float], None] = lambda _provider, _seconds: None,
        on_waiting: Callable[[str, int], None] = lambda _provider, _number: None,
        times: QueueTimes | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Let `size` calls wait before each provider.

        `on_wait` is called for each call that had to wait, with the seconds until it went out or
        left; `on_waiting` with the number of waiting calls, at each change. They must not block.
        """
        self._quotas = quotas
        self._size = size
        self._on_wait = on_wait
        self._on_waiting = on_waiting
        self._times = times or QueueTimes()
        self._clock = clock or MonotonicClock()
        self._arrivals = count()
        self._queues: dict[str, _ProviderQueue] = {}
        self._is_closed = False

    def hold(self, provider: str, user_id: str) -> Place:
        """Promise that a call may wait; the promise takes up room until its call goes out.

        Raises TooManyRequests where the queue is full and nobody has more of it than this user,
        unless the provider has room now for all calls that were promised.
        """
        self._check_open()
        if self._quotas.limits.get(provider, NO_QUOTA) == NO_QUOTA:
            return Place(user_id, {})  # no call ever waits there
        queue = self._queue_of(provider)
        if queue.load >= self._size:
            room = queue.forecast.room(self._quotas.left(provider))
            now = self._clock.now()
            if queue.load >= self._size + room and not queue.make_room(user_id, now):
                raise queue.full(now)
        return Place(user_id, queue.promised)

    def enter(self, request: Request, place: Place | None = None) -> Reservation:
        """Wait until the provider has room for this call, which asks at once if it is the first.

        Raises TooManyRequests where the call has to wait, the queue is full and there is no
        `place`, and where its place goes to a user who has fewer. A greenlet that is killed while
        it waits leaves the queue and keeps nothing of the quota.
        """
        self._check_open()
        came_at = self._clock.now()
        queue = self._queue_of(request.provider)
        queue.forecast.note(request.tokens)
        waiter = Waiter(
            user_id=request.user_id,
            priority=request.priority,
            tokens=request.tokens,
            arrival=next(self._arrivals),
            on_position=request.tell,
        )
        answer = queue.line.ask_at_once(waiter)
        is_promised = place is not None and place.redeem(queue.promised)
        if isinstance(answer, Reservation):
            return answer
        self._check_open()  # the queue may have been closed while room was asked for
        if not is_promised and queue.load >= self._size:
            now = self._clock.now()
            may_displace = request.priority is Priority.INTERACTIVE
            if not (may_displace and queue.make_room(request.user_id, now)):
                raise queue.full(now)
        try:
            return queue.line.wait(waiter, answer)
        finally:
            self._on_wait(request.provider, self._clock.now() - came_at)

    def waiting(self, provider: str) -> int:
        """Count the calls that wait before a provider."""
        return len(self._queues[provider].line) if provider in self._queues else 0

    def close(self) -> None:
        """End the queue: every call that waits, and every later one, raises Draining."""
        self._is_closed = True
        lines = [queue.line for queue in self._queues.values()]
        for line in lines:
            line.disband(Draining())
        for line in lines:
            line.join(CLOSE_SECONDS)

    def _check_open(self) -> None:
        if self._is_closed:
            raise Draining

    def _queue_of(self, provider: str) -> _ProviderQueue:
        if provider not in self._queues:
            line = Line(
                provider,
                self._quotas,
                lambda number: self._on_waiting(provider, number),
                self._times,
                self._clock,
            )
            quota = self._quotas.limits.get(provider, NO_QUOTA)
            self._queues[provider] = _ProviderQueue(
                provider, line, Forecast(quota, self._times.window)
            )
        return self._queues[provider]

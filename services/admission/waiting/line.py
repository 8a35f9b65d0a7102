"""The line before one provider, and the greenlet that asks for room while any call waits in it."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
import structlog
from gevent.event import AsyncResult, Event

from services.admission.quotas.base import Quotas, Reservation, Wait
from services.admission.waiting.fair_order import FairOrder
from services.admission.waiting.times import Clock, QueueTimes
from services.domain.limits import Priority

_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False, kw_only=True)
class Waiter:
    """A call that asks for room; `outcome` is set once, by the greenlet of its line."""

    user_id: str
    priority: Priority
    tokens: int
    arrival: int
    on_position: Callable[[int], None]
    outcome: "AsyncResult[Reservation]" = field(default_factory=AsyncResult)
    position: int = 0
    told_at: float = -math.inf

    def tell(self, position: int, now: float) -> None:
        """Tell the call its position."""
        self.position, self.told_at = position, now
        self.on_position(position)


class Line:  # wide: the whole state of the greenlet that serves it
    """The calls that wait for one provider; a greenlet asks for room for the first of them.

    `room_at` is when, as the quota said last, there is room for the first call.
    """

    def __init__(
        self,
        provider: str,
        quotas: Quotas,
        on_number: Callable[[int], None],
        times: QueueTimes,
        clock: Clock,
    ) -> None:
        """Begin empty and without a greenlet; `on_number` is told how many calls wait."""
        self.room_at = 0.0
        self._provider = provider
        self._quotas = quotas
        self._on_number = on_number
        self._times = times
        self._clock = clock
        self._order: FairOrder[Waiter] = FairOrder()
        self._woken = Event()
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self._asking_at_once: set[Waiter] = set()
        self._refused: Waiter | None = None
        self._ask_at = 0.0
        self._tell_at = math.inf

    def __len__(self) -> int:
        """Count the waiting calls."""
        return len(self._order)

    def ask_at_once(self, waiter: Waiter) -> Reservation | Wait | None:
        """Ask for room for a call that arrives; None: other calls wait before it."""
        if not self._order.is_clear_for(waiter.priority):
            return None
        self._asking_at_once.add(waiter)
        try:
            return self._reserve(waiter)
        finally:
            self._asking_at_once.remove(waiter)

    def wait(self, waiter: Waiter, refusal: Wait | None) -> Reservation:
        """Wait in line for room; `refusal` is what the quota has just answered.

        An exception that is thrown into the wait takes the call out of the line, and gives back
        what was reserved for the call.
        """
        self._join(waiter, refusal)
        try:
            waiter.tell(self._order.position(waiter), self._clock.now())
            return waiter.outcome.get()  # type: ignore[return-value]  # None only with a time limit
        except BaseException:
            self._leave(waiter)
            raise

    def by_user(self) -> Counter[str]:
        """Count the waiting calls of each user."""
        return self._order.by_user()

    def send_away(self, user_id: str, reason: Exception) -> bool:
        """Raise an error in a user's newest call; tell whether there was one."""
        waiter = self._order.newest_of(user_id)
        if waiter is None:
            return False
        self._order.discard(waiter)
        waiter.outcome.set_exception(reason)
        self._change()
        return True

    def disband(self, reason: Exception) -> None:
        """Raise an error in every waiting call; a reservation under way is given back."""
        for waiter in tuple(self._order):
            self._order.discard(waiter)
            waiter.outcome.set_exception(reason)
        self._change()

    def join(self, seconds: float) -> None:
        """Wait for the end of the line's greenlet."""
        if self._greenlet is not None:
            self._greenlet.join(seconds)

    def _join(self, waiter: Waiter, refusal: Wait | None) -> None:
        self._order.add(waiter)
        if refusal is not None and self._order.first is waiter:
            self._refuse(waiter, refusal)
        self._change()
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._serve)

    def _leave(self, waiter: Waiter) -> None:
        if self._order.discard(waiter):
            self._change()
        elif waiter.outcome.successful() and waiter.outcome.value is not None:
            # In a greenlet of its own: a greenlet that was killed may be killed again in a wait.
            gevent.spawn(self._quotas.cancel, waiter.outcome.value)

    def _change(self) -> None:
        """Tell the new number now, and have the greenlet tell positions and look at the first call.

        Positions are told a moment later and together: where many calls go at once, each of them
        changes the positions of all others.
        """
        self._tell_at = min(self._tell_at, self._clock.now() + self._times.tell)
        self._woken.set()
        self._on_number(len(self._order))

    def _serve(self) -> None:
        while (head := self._order.first) is not None:
            now = self._clock.now()
            if self._tell_at <= now:
                self._tell(now)
            elif head is self._refused and now < self._ask_at:
                self._woken.clear()
                self._clock.wait(self._woken, min(self._ask_at, self._tell_at) - now)
            else:
                self._ask(head)
        self._refused = self._greenlet = None
        self._tell_at = math.inf

    def _ask(self, head: Waiter) -> None:
        try:
            answer = self._reserve(head)
        except Exception as exc:  # noqa: BLE001 - raised in the waiting call; the others go on
            self._order.discard(head)
            head.outcome.set_exception(exc)
            self._change()
            return
        if isinstance(answer, Wait):
            self._refuse(head, answer)
        elif head in self._order:
            self._order.serve(head)
            head.outcome.set(answer)
            self._change()
        else:
            self._quotas.cancel(answer)

    def _reserve(self, waiter: Waiter) -> Reservation | Wait:
        """Ask the quota for room, and tell it whether others wait: background calls then wait too.

        A call that arrives while the quota is answering the previous one is not counted yet: until
        room is asked for it in turn, at the latest `ask` seconds later, one background call may go
        before it.
        """
        if waiter.priority is Priority.BACKGROUND:
            return self._quotas.reserve(self._provider, waiter.tokens, background=True)
        more_wait = self._has_others(waiter)
        return self._quotas.reserve(self._provider, waiter.tokens, more_wait=more_wait)

    def _has_others(self, waiter: Waiter) -> bool:
        """Tell whether other interactive calls wait, or are asking now and may have to wait."""
        waiting = self._order.count(Priority.INTERACTIVE) - (waiter in self._order)
        asking = self._asking_at_once - {waiter}
        return waiting > 0 or any(one.priority is Priority.INTERACTIVE for one in asking)

    def _refuse(self, head: Waiter, answer: Wait) -> None:
        now = self._clock.now()
        self._refused = head
        self.room_at = now + answer.seconds
        self._ask_at = now + min(answer.seconds, self._times.ask)

    def _tell(self, now: float) -> None:
        """Tell the positions that have changed; a call that has just been told waits a while.

        It takes as many steps as there are waiting calls.
        """
        self._tell_at = math.inf
        for position, waiter in enumerate(tuple(self._order), 1):
            if position == waiter.position:
                continue
            if now < waiter.told_at + self._times.tell:
                self._tell_at = now + self._times.tell
                continue
            try:
                waiter.tell(position, now)
            except Exception:  # noqa: BLE001 - one reader's failure; the others go on
                _log.exception("queue_position_not_told", provider=self._provider)

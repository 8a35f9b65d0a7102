"""What the tests of the burst queue need: a clock and room that they change by hand."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import gevent
from gevent.event import Event

from services.admission.quotas.base import Quota, QuotaLeft, Quotas, Reservation, Wait
from services.admission.waiting.burst_queue import BurstQueue, Place, Request
from services.admission.waiting.times import QueueTimes
from services.domain.limits import Priority

OPENAI = "openai"
WAIT_SECONDS = 20.0


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        """Begin at an arbitrary time."""
        self._now = 1000.0
        self._sleepers: list[tuple[float, Event]] = []

    def now(self) -> float:
        """Give the time in seconds."""
        return self._now

    def wait(self, event: Event, seconds: float) -> None:
        """Sleep until the event is set, or until the clock was moved that far."""
        sleeper = (self._now + seconds, event)
        self._sleepers.append(sleeper)
        event.wait()
        self._sleepers.remove(sleeper)

    def move(self, seconds: float) -> None:
        """Let time go by; a greenlet that is due meanwhile wakes at its time."""
        end = self._now + seconds
        gevent.idle()
        while due := [sleeper for sleeper in self._sleepers if sleeper[0] <= end]:
            self._now, event = min(due, key=lambda sleeper: sleeper[0])
            event.set()
            gevent.idle()
        self._now = end
        gevent.idle()


class RoomQuotas(Quotas):
    """Quotas whose room a test gives and takes; `asked` is how often room was asked for.

    While `answers` is not set, all calls wait for an answer, as they do for a slow Redis.
    `on_reserved` is called when room was given, before the call that asked for it knows.
    """

    on_reserved: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, requests: int = 0, tokens: int = 1_000_000) -> None:
        """Begin with room for so many requests and tokens."""
        self.limits = {OPENAI: Quota(requests=60, tokens=1_000_000)}
        self.requests = requests
        self.tokens = tokens
        self.asked = 0
        self.wait_seconds = WAIT_SECONDS
        self.asked_in_background: list[bool] = []
        self.told_that_more_wait: list[bool] = []
        self.fails_with: Exception | None = None
        self.held: dict[str, Reservation] = {}
        self.answers = Event()
        self.answers.set()

    def reserve(
        self, provider: str, tokens: int, *, background: bool = False, more_wait: bool = False
    ) -> Reservation | Wait:
        """Give a reservation if there is room."""
        self.asked += 1
        self.asked_in_background.append(background)
        self.told_that_more_wait.append(more_wait)
        made = self._make(provider, tokens)
        self.answers.wait()
        if self.fails_with is not None:
            raise self.fails_with
        if isinstance(made, Reservation):
            self.on_reserved()
        return made

    def _make(self, provider: str, tokens: int) -> Reservation | Wait:
        if provider not in self.limits:
            return Reservation(provider, f"r{self.asked}", tokens)
        if self.requests < 1 or self.tokens < tokens:
            return Wait(self.wait_seconds)
        self.requests -= 1
        self.tokens -= tokens
        made = Reservation(provider, f"r{self.asked}", tokens)
        self.held[made.id] = made
        return made

    def arrived(self, reservation: Reservation) -> None:
        """Ignore it."""

    def correct(self, reservation: Reservation, tokens: int) -> None:
        """Ignore it."""

    def cancel(self, reservation: Reservation) -> None:
        """Give the room back."""
        self.answers.wait()
        del self.held[reservation.id]
        self.requests += 1
        self.tokens += reservation.tokens

    def left(self, provider: str) -> QuotaLeft:
        """Tell how much room is left."""
        del provider
        return QuotaLeft(self.requests, self.tokens, 60)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


def asking(
    provider: str = OPENAI, tokens: int = 1, tell: Callable[[int], None] = lambda _: None
) -> Request:
    """Describe a call whose details do not matter."""
    return Request(provider=provider, user_id="a", tokens=tokens, tell=tell)


@dataclass(eq=False)
class Caller:
    """A call in a greenlet of its own, the positions it was told, and what it got."""

    name: str
    greenlet: "gevent.Greenlet[..., Reservation]"
    positions: list[int]

    @property
    def got(self) -> Reservation | None:
        """Give the call's reservation; None: it has none."""
        value = self.greenlet.value if self.greenlet.successful() else None
        return value if isinstance(value, Reservation) else None


class QueueWorld:
    """A queue and its calls; `served` names the calls in the order in which they went out."""

    on_served: Callable[[Reservation], None] = staticmethod(lambda _: None)

    def __init__(self, quotas: Quotas, size: int = 1000, clock: HandClock | None = None) -> None:
        """Make a queue over these quotas."""
        self.clock = clock or HandClock()
        self.served: deque[str] = deque()
        self.waits: list[tuple[str, float]] = []
        self.numbers: list[int] = []
        self.queue = BurstQueue(
            quotas,
            size,
            on_wait=lambda provider, seconds: self.waits.append((provider, round(seconds, 3))),
            on_waiting=lambda _provider, number: self.numbers.append(number),
            times=QueueTimes(window=60, tell=0.5, ask=0.5),
            clock=self.clock,
        )

    def call(
        self,
        name: str,
        priority: Priority = Priority.INTERACTIVE,
        tokens: int = 10,
        place: Place | None = None,
        tell_fails_at: int = 0,
    ) -> Caller:
        """Make a call; the first letter of its name is the user's id."""
        positions: list[int] = []

        def tell(position: int) -> None:
            positions.append(position)
            if position == tell_fails_at:
                raise RuntimeError("nobody reads")

        request = Request(
            provider=OPENAI,
            user_id=name[0],
            tokens=tokens,
            tell=tell,
            priority=priority,
        )
        caller = Caller(name, gevent.spawn(self._enter, name, request, place), positions)
        gevent.idle()
        return caller

    def _enter(self, name: str, request: Request, place: Place | None) -> Reservation:
        made = self.queue.enter(request, place)
        self.served.append(name)
        self.on_served(made)
        return made

    def calls(self, *names: str, priority: Priority = Priority.INTERACTIVE) -> list[Caller]:
        """Make several calls, one after the other."""
        return [self.call(name, priority) for name in names]

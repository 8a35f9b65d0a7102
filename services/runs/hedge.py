"""Two models are asked, and the first one that speaks is listened to."""

import gevent
from gevent import Greenlet
from gevent.event import Event

from services.domain.errors import ProviderError
from services.domain.events import Status, StatusState
from services.providers.base import ProviderRequest
from services.runs.attempts import Attempts, Opened
from services.runs.call import HEDGED
from services.runs.gate import CircuitOpen
from services.runs.living import Living


class _Race:
    """The calls that are out, each in a greenlet of its own, which alone may close it."""

    def __init__(self, attempts: Attempts, living: Living) -> None:
        self._attempts = attempts
        self._living = living
        self._news = Event()
        self._lanes: list[Greenlet[..., Opened | Exception]] = []

    def start(self, request: ProviderRequest, *, is_last: bool) -> None:
        """Ask one more model."""
        lane = gevent.spawn(self._open, request, is_last=is_last)
        lane.rawlink(lambda _: self._news.set())
        self._lanes.append(lane)

    def _open(self, request: ProviderRequest, *, is_last: bool) -> Opened | Exception:
        try:
            return self._attempts.open(self._living, request, is_last=is_last)
        except CircuitOpen:
            return ProviderError("It is left alone.", code="upstream_overloaded", may_retry=True)
        except Exception as error:  # noqa: BLE001 - raised again where the race is awaited
            return error

    def wait(self, seconds: float | None = None) -> None:
        """Wait until a lane ends, or for so long."""
        self._news.wait(seconds)
        self._news.clear()

    @property
    def is_running(self) -> bool:
        """Tell whether a call may still speak first."""
        return not all(lane.ready() for lane in self._lanes)

    @property
    def winner(self) -> Opened | None:
        """Give the answer that is there."""
        return next((r for lane in self._lanes if isinstance(r := lane.value, Opened)), None)

    @property
    def failure(self) -> Exception:
        """Give why the call that went out first failed."""
        return next(r for lane in self._lanes if isinstance(r := lane.value, Exception))

    def end(self, kept: Opened | None) -> None:
        """End all calls but one; who waits for the first word does not wait for their ends."""
        gevent.killall(self._lanes, block=kept is None)
        for lane in self._lanes:
            if isinstance(lane.value, Opened) and lane.value is not kept:
                self._attempts.drop(self._living, lane.value, HEDGED)


def race(attempts: Attempts, living: Living) -> Opened:
    """Ask the first model of the plan, and after a while, or where it fails, the second one too.

    Gives the one that spoke first; the other is cancelled and booked. Raises why the first failed.
    """
    first, second = living.plan.requests[:2]
    course, kept = _Race(attempts, living), None
    try:
        course.start(first, is_last=False)
        course.wait(living.plan.hedge_seconds)
        if course.winner is None:
            course.start(second, is_last=len(living.plan.requests) == 2)  # noqa: PLR2004 - a pair
        while course.winner is None and course.is_running:
            course.wait()
        kept = course.winner
        if kept is None:
            raise course.failure
        living.answer_from(kept.call)
    finally:
        course.end(kept)
    if kept.call.request is second:
        model = second.model
        detail = {"provider": model.provider, "model": model.name, "code": HEDGED}
        living.writer.append(Status(StatusState.FAILOVER, detail))
    return kept

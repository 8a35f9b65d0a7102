"""Two models are asked, and the one that speaks first answers."""

import gevent
from gevent import Greenlet, GreenletExit
from gevent.event import Event

from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.domain.events import Status, StatusState
from services.providers.base import ProviderRequest
from services.runs.asking.attempts import Attempts, Opened, is_own_fault
from services.runs.asking.gate import CIRCUIT_OPEN, CircuitOpen
from services.runs.living.call import HEDGED
from services.runs.living.run import Living

PAIR = 2


class _Race:
    """The calls that are out, each in a greenlet of its own."""

    def __init__(self, attempts: Attempts, living: Living) -> None:
        self._attempts = attempts
        self._living = living
        self._news = Event()
        self._lanes: list[Greenlet[..., Opened | Exception]] = []
        self._is_over = False

    def start(self, request: ProviderRequest, *, is_last: bool) -> None:
        """Ask one more model."""
        lane = gevent.spawn(self._open, request, is_last=is_last)
        lane.rawlink(lambda _: self._news.set())
        self._lanes.append(lane)

    def _open(self, request: ProviderRequest, *, is_last: bool) -> Opened | Exception:
        try:
            opened = self._attempts.open(self._living, request, is_last=is_last)
        except Exception as error:  # noqa: BLE001 - raised again where the race is awaited
            return error
        if self._is_over:  # its first piece came before this greenlet was killed
            self._drop(opened)
        return opened

    def wait(self, seconds: float | None = None) -> None:
        """Wait until a lane ends, or for so many seconds."""
        self._news.wait(seconds)
        self._news.clear()

    def first_word(self) -> Opened:
        """Wait for the first answer, or raise why there is none."""
        while self.winner is None and not all(lane.ready() for lane in self._lanes):
            self.wait()
        if self.winner is None:
            called = [one for one in self.failures if not isinstance(one, CircuitOpen)]
            raise (called or self.failures)[0]
        return self.winner

    @property
    def winner(self) -> Opened | None:
        """Give the call that has begun to answer; None: no call has."""
        return next(iter(self._opened()), None)

    @property
    def failures(self) -> list[Exception]:
        """Give why calls failed, in the order in which the calls went out."""
        return [r for lane in self._lanes if isinstance(r := lane.value, Exception)]

    def _opened(self) -> list[Opened]:
        return [r for lane in self._lanes if isinstance(r := lane.value, Opened)]

    def cancel(self, why: BaseException) -> None:
        """End all calls; where `why` is a time limit, each of them fails by it."""
        reason = why if isinstance(why, ProviderTimeout) else GreenletExit()
        gevent.killall(self._lanes, exception=reason)
        for opened in self._opened():
            self._attempts.close(self._living, opened, reason)

    def leave(self, kept: Opened) -> None:
        """End all calls but one, without waiting for their ends: the first word must not wait."""
        self._is_over = True
        gevent.killall(self._lanes, block=False)
        for opened in self._opened():
            if opened is not kept:
                gevent.spawn(self._drop, opened)

    def _drop(self, opened: Opened) -> None:
        self._attempts.close(self._living, opened, GreenletExit())


def race(attempts: Attempts, living: Living) -> Opened:
    """Ask the first model of the plan, and after a while, or where it fails, the second one too.

    Gives the call that spoke first; the other is cancelled and booked. Raises why the first failed,
    or CircuitOpen where neither was called. The second model is not asked where the first failed by
    the request's own fault.
    """
    first, second = living.plan.requests[:PAIR]
    course = _Race(attempts, living)
    try:
        course.start(first, is_last=False)
        course.wait(living.plan.hedge_seconds)
        if course.winner is None and not any(_is_final(living, one) for one in course.failures):
            course.start(second, is_last=len(living.plan.requests) == PAIR)
        kept = course.first_word()
        living.calls.answer_from(kept.call)
    except BaseException as exc:
        course.cancel(exc)
        raise
    code = _code_of(course.failures)
    course.leave(kept)
    if kept.call.request is second:
        model = second.model
        detail = {"provider": model.provider, "model": model.name, "code": code}
        living.writer.append(Status(StatusState.FAILOVER, detail))
    return kept


def _is_final(living: Living, failure: Exception) -> bool:
    return isinstance(failure, ProviderError) and is_own_fault(living, failure)


def _code_of(failures: list[Exception]) -> str:
    """Say why the second model answers: the first failed, was passed over, or was slower."""
    if not failures:
        return HEDGED
    return failures[0].code if isinstance(failures[0], ProviderError) else CIRCUIT_OPEN

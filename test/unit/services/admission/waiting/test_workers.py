"""The queues of two workers over one Redis: background calls wait for interactive calls of both."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import gevent
import pytest
from gevent.event import Event
from stack.redis_server import RedisServer

from services.admission.quotas.base import Quota, Reservation, Wait
from services.admission.quotas.shared import SharedQuotas
from services.admission.shared_link import SharedLink, SharedTimes
from services.admission.waiting.burst_queue import BurstQueue, Request
from services.admission.waiting.times import QueueTimes
from services.domain.limits import Priority
from services.redis.worker_redis import WorkerRedis

OPENAI = "openai"
LIMIT, SPAN = 3, 0.15
ASK_SECONDS = 0.01
ROUNDS = 4
PATIENCE_SECONDS = 60.0
INTERACTIVE, BACKGROUND = Priority.INTERACTIVE, Priority.BACKGROUND


class NotedQuotas(SharedQuotas):
    """Quotas of a worker; `asked` is set each time that it has asked, `on_reserved` called on room.

    It is called before the asking caller knows of the room, and asks for the next.
    """

    on_reserved: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, link: SharedLink) -> None:
        """Count over a link."""
        super().__init__(link, {OPENAI: Quota(requests=LIMIT)}, SPAN)
        self.asked = Event()

    def reserve(
        self, provider: str, tokens: int, *, background: bool = False, more_wait: bool = False
    ) -> Reservation | Wait:
        """Ask, and tell of it."""
        answer = super().reserve(provider, tokens, background=background, more_wait=more_wait)
        self.asked.set()
        if isinstance(answer, Reservation):
            self.on_reserved()
        return answer


class Worker:
    """A worker whose calls arrive at once; all of them note in `served` which went out."""

    def __init__(self, quotas: NotedQuotas, served: list[Priority]) -> None:
        """Make its queue."""
        self.quotas = quotas
        times = QueueTimes(window=SPAN, ask=ASK_SECONDS)
        self.queue = BurstQueue(quotas, 1000, times=times)
        self._served = served

    def call(self, count: int, priority: Priority) -> "list[gevent.Greenlet[..., None]]":
        """Let so many calls wait, or go out if they may."""
        made = [gevent.spawn(self._call, f"user {n % 2}", priority) for n in range(count)]
        gevent.idle()
        return made

    def ask_again(self) -> None:
        """Return once this worker has asked again, if calls wait here."""
        if self.queue.waiting(OPENAI):
            self.quotas.asked.clear()
            assert self.quotas.asked.wait(PATIENCE_SECONDS)

    def _call(self, user_id: str, priority: Priority) -> None:
        request = Request(
            provider=OPENAI, user_id=user_id, tokens=1, tell=lambda _: None, priority=priority
        )
        made = self.queue.enter(request)
        self._served.append(priority)
        self.quotas.arrived(made)


@pytest.fixture
def served() -> list[Priority]:
    """Note which calls went out."""
    return []


@pytest.fixture
def workers(redis_server: RedisServer, served: list[Priority]) -> Iterator[tuple[Worker, Worker]]:
    """Make two workers that count together."""
    with ExitStack() as stack:

        def make() -> Worker:
            link = SharedLink(WorkerRedis(redis_server.url), 2, times=SharedTimes(answer=10))
            worker = Worker(stack.enter_context(closing(NotedQuotas(link))), served)
            stack.callback(worker.queue.close)
            return worker

        yield make(), make()


def wait_for(calls: "list[gevent.Greenlet[..., None]]") -> None:
    """Return once all calls have gone out."""
    gevent.joinall(calls, timeout=PATIENCE_SECONDS, raise_error=True)
    assert all(call.successful() for call in calls)


def test_a_background_call_of_one_worker_goes_after_all_interactive_ones_of_the_other(
    workers: tuple[Worker, Worker], served: list[Priority]
) -> None:
    here, there = workers
    wait_for(here.call(LIMIT, INTERACTIVE))
    served.clear()
    here.quotas.on_reserved = there.ask_again

    interactive = here.call(3 * LIMIT, INTERACTIVE)
    wait_for([*interactive, *there.call(LIMIT, BACKGROUND)])

    assert served == [INTERACTIVE] * 3 * LIMIT + [BACKGROUND] * LIMIT


def test_in_no_round_does_the_background_go_before_interactive_calls_of_either_worker(
    workers: tuple[Worker, Worker], served: list[Priority]
) -> None:
    wait_for(workers[0].call(LIMIT, INTERACTIVE))
    for _ in range(ROUNDS):
        served.clear()
        calls = [call for one in workers for call in one.call(4, INTERACTIVE)]
        calls += [call for one in workers for call in one.call(2, BACKGROUND)]

        wait_for(calls)

        assert served == [INTERACTIVE] * 8 + [BACKGROUND] * 4


def test_what_is_free_for_the_background_is_given_to_it_at_once(
    workers: tuple[Worker, Worker], served: list[Priority]
) -> None:
    here, there = workers
    wait_for(here.call(LIMIT, INTERACTIVE))
    wait_for(here.call(LIMIT - 1, INTERACTIVE))

    with gevent.Timeout(1):  # an interactive call that left would be waited for twice as long
        wait_for(there.call(1, BACKGROUND))

    assert served[-1] is BACKGROUND

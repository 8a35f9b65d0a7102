"""Three hundred calls at once against sixty a window: none is lost, at most sixty go out."""

import gevent
import pytest
from worlds.queue_room import OPENAI, Caller, HandClock, QueueWorld

from services.admission.quotas.base import Quota, Reservation
from services.admission.quotas.local import LocalQuotas
from services.domain.limits import Priority

LIMIT, WINDOW = 60, 60.0
BACKGROUND = Priority.BACKGROUND


class Upstream(LocalQuotas):
    """Quotas whose calls arrive a moment after they were let out; it notes when."""

    def __init__(self, clock: HandClock, quota: Quota) -> None:
        """Begin with nothing."""
        super().__init__({OPENAI: quota}, WINDOW, clock=clock.now)
        self.now = clock.now
        self.arrivals: list[float] = []

    def arrived(self, reservation: Reservation) -> None:
        """Note the arrival."""
        self.arrivals.append(self.now())
        super().arrived(reservation)

    def most_in_a_window(self) -> int:
        """Count the calls in the fullest window."""
        starts = self.arrivals
        return max(sum(start <= one < start + WINDOW for one in starts) for start in starts)


class Burst:
    """A world whose calls arrive."""

    def __init__(self, quota: Quota) -> None:
        """Begin without calls."""
        self.clock = HandClock()
        self.upstream = Upstream(self.clock, quota)
        self.world = QueueWorld(self.upstream, clock=self.clock)
        self.world.on_served = self.upstream.arrived
        self.callers: list[Caller] = []

    def call(self, count: int, users: str, priority: Priority = Priority.INTERACTIVE) -> None:
        """Let so many calls of some users wait."""
        for number in range(count):
            name = f"{users[number % len(users)]}-{priority}-{number}"
            self.callers.append(self.world.call(name, priority))

    def play(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(int(seconds)):
            self.clock.move(1)


@pytest.fixture
def burst() -> Burst:
    return Burst(Quota(requests=LIMIT))


def test_none_is_lost_and_never_more_than_the_quota_go_out(burst: Burst) -> None:
    burst.call(300, "abcde")
    assert len(burst.world.served) == LIMIT

    burst.play(WINDOW * 5)

    assert all(caller.got for caller in burst.callers)
    assert burst.upstream.most_in_a_window() == LIMIT
    assert burst.world.queue.waiting(OPENAI) == 0
    assert len(burst.world.waits) == 300 - LIMIT


def test_the_quota_is_used_as_soon_as_it_is_there(burst: Burst) -> None:
    burst.call(300, "abcde")

    burst.play(WINDOW * 4 + 5)

    assert len(burst.world.served) == 300


def test_of_those_that_wait_interactive_ones_go_first(burst: Burst) -> None:
    burst.call(LIMIT, "a")
    burst.call(120, "bc", BACKGROUND)
    burst.call(120, "de")

    burst.play(WINDOW * 4 + 5)

    waited = list(burst.world.served)[LIMIT:]
    assert all("interactive" in name for name in waited[:120])
    assert all("background" in name for name in waited[120:])
    assert len(waited) == 240


def test_users_who_ask_for_little_are_not_behind_one_who_asks_for_much(burst: Burst) -> None:
    burst.call(LIMIT + 200, "a")
    burst.call(30, "bcd")

    burst.play(WINDOW + 5)

    second = list(burst.world.served)[LIMIT : 2 * LIMIT]
    assert sum(name[0] != "a" for name in second) == 30


def test_tokens_are_a_limit_too() -> None:
    burst = Burst(Quota(requests=1000, tokens=300))
    burst.call(100, "ab")  # of 10 tokens each
    assert len(burst.world.served) == 30

    burst.play(WINDOW * 3 + 5)

    assert len(burst.world.served) == 100
    assert burst.upstream.most_in_a_window() == 30


def test_tokens_that_were_not_used_let_the_next_go_at_once() -> None:
    burst = Burst(Quota(tokens=300))
    burst.call(40, "a")
    first = burst.callers[0].got
    assert first
    assert len(burst.world.served) == 30

    burst.upstream.correct(first, 0)
    burst.play(1)

    assert len(burst.world.served) == 31


def test_killed_ones_leave_all_room_to_the_others(burst: Burst) -> None:
    burst.call(300, "abcde")
    for caller in burst.callers[LIMIT::2]:
        caller.greenlet.kill(block=False)
    gevent.idle()

    burst.play(WINDOW * 2 + 5)

    assert len(burst.world.served) == LIMIT + 120
    assert burst.upstream.most_in_a_window() == LIMIT

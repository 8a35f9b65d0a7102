"""The burst queue: which calls wait and which go out, in which order."""

import gevent
import pytest
from worlds.queue_room import OPENAI, QueueWorld, RoomQuotas, asking

from services.admission.waiting.burst_queue import BurstQueue
from services.domain.errors.outages import Draining
from services.domain.limits import Priority

BACKGROUND = Priority.BACKGROUND


@pytest.fixture
def quotas() -> RoomQuotas:
    return RoomQuotas()


@pytest.fixture
def world(quotas: RoomQuotas) -> QueueWorld:
    return QueueWorld(quotas)


def test_where_there_is_room_a_call_goes_out_at_once(quotas: RoomQuotas) -> None:
    quotas.requests = 2
    switches: list[str] = []
    queue = BurstQueue(quotas, 1)
    told: list[int] = []
    gevent.spawn(switches.append, "another greenlet ran")

    made = queue.enter(asking(tokens=7, tell=told.append))

    assert (made.provider, made.tokens, switches, told) == (OPENAI, 7, [], [])


def test_a_provider_without_a_limit_never_lets_wait(quotas: RoomQuotas) -> None:
    queue = BurstQueue(quotas, 1)
    asks = asking("local", tokens=1 << 40)

    for _ in range(10):
        place = queue.hold("local", "a")
        assert queue.enter(asks, place).provider == "local"
        assert queue.enter(asks).provider == "local"

    assert queue.waiting("local") == 0


def test_who_waits_goes_out_once_there_is_room(world: QueueWorld, quotas: RoomQuotas) -> None:
    caller = world.call("a")
    assert (caller.got, world.queue.waiting(OPENAI)) == (None, 1)

    quotas.requests = 1
    world.clock.move(0.5)

    assert caller.got
    assert world.queue.waiting(OPENAI) == 0
    assert world.waits == [(OPENAI, 0.5)]
    assert world.numbers == [1, 0]


def test_room_is_asked_for_when_the_quota_says_so_if_that_is_soon(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    quotas.wait_seconds = 0.2
    caller = world.call("a")
    quotas.requests = 1

    world.clock.move(0.19)
    assert not caller.got

    world.clock.move(0.01)
    assert caller.got


def test_interactive_calls_go_before_background_ones(world: QueueWorld, quotas: RoomQuotas) -> None:
    world.calls("a1", "b1", priority=BACKGROUND)
    world.calls("c1", "c2")

    quotas.requests = 4
    world.clock.move(0.5)

    assert list(world.served) == ["c1", "c2", "a1", "b1"]


def test_the_quota_knows_which_calls_are_of_the_background(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    quotas.requests = 2
    world.call("a", BACKGROUND)
    world.call("b")
    world.call("c", BACKGROUND)
    quotas.requests = 1
    world.clock.move(0.5)

    assert quotas.asked_in_background == [True, False, True, True]


def test_the_quota_knows_whether_more_interactive_calls_wait(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    world.call("a", BACKGROUND)
    world.calls("b", "c", "d")
    assert quotas.told_that_more_wait == [False, False]

    quotas.requests = 4
    world.clock.move(0.5)

    assert list(world.served) == ["b", "c", "d", "a"]
    assert quotas.told_that_more_wait[2:] == [True, True, False, False]


def test_interactive_calls_that_ask_at_once_may_wait(world: QueueWorld, quotas: RoomQuotas) -> None:
    quotas.requests = 4
    quotas.answers.clear()
    world.call("a", BACKGROUND)
    world.calls("b", "c")

    quotas.answers.set()
    gevent.idle()
    world.call("d")

    assert quotas.told_that_more_wait == [False, False, True, False]


def test_users_take_turns(world: QueueWorld, quotas: RoomQuotas) -> None:
    world.calls("a1", "a2", "a3", "b1", "b2", "c1")

    quotas.requests = 6
    world.clock.move(0.5)

    assert list(world.served) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_nobody_overtakes_by_being_small(world: QueueWorld, quotas: RoomQuotas) -> None:
    quotas.requests, quotas.tokens = 10, 99
    large = world.call("a", tokens=100)
    small = world.call("b", tokens=1)
    world.clock.move(5)
    assert (large.got, small.got) == (None, None)

    quotas.tokens = 101
    world.clock.move(0.5)

    assert list(world.served) == ["a", "b"]


def test_who_comes_while_others_wait_does_not_ask_before_them(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    world.call("a")
    quotas.requests = 1

    late = world.call("b")

    assert not late.got
    assert quotas.asked == 1


def test_an_interactive_call_does_not_wait_for_a_background_one(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    quotas.requests, quotas.tokens = 1, 50
    world.call("a", BACKGROUND, tokens=100)

    caller = world.call("b", tokens=50)

    assert caller.got
    assert world.queue.waiting(OPENAI) == 1


def test_an_interactive_call_that_waits_is_asked_for_in_place_of_a_background_one(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    world.call("a", BACKGROUND)
    world.clock.move(0.4)
    world.call("b")
    quotas.requests = 1

    world.clock.move(0.2)  # when it would be the turn of the background call
    assert list(world.served) == []

    world.clock.move(0.3)
    assert list(world.served) == ["b"]


def test_when_the_first_leaves_the_next_is_asked_for_at_once(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    quotas.requests, quotas.tokens = 1, 50
    large, small = world.call("a", tokens=100), world.call("b", tokens=50)

    large.greenlet.kill()
    gevent.idle()

    assert small.got


def test_the_queue_of_a_provider_sleeps_when_nobody_waits(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    world.call("a").greenlet.kill()
    asked = quotas.asked

    world.clock.move(60)
    assert quotas.asked == asked

    caller = world.call("b")
    quotas.requests = 1
    world.clock.move(0.5)
    assert caller.got


def test_calls_that_come_together_ask_together(world: QueueWorld, quotas: RoomQuotas) -> None:
    quotas.requests = 3
    quotas.answers.clear()
    callers = world.calls("a1", "a2", "a3", "a4")
    assert quotas.asked == 4

    quotas.answers.set()
    gevent.idle()

    assert [bool(caller.got) for caller in callers] == [True, True, True, False]
    assert callers[3].positions == [1]


def test_providers_have_lines_of_their_own(world: QueueWorld, quotas: RoomQuotas) -> None:
    world.call("a")

    made = world.queue.enter(asking("local"))

    assert made.provider == "local"
    assert (world.queue.waiting(OPENAI), world.queue.waiting("local")) == (1, 0)
    assert quotas.asked == 2


def test_a_quota_that_fails_fails_one_call_and_the_next_is_asked_for(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    first, second = world.calls("a1", "a2")
    quotas.answers.clear()
    world.clock.move(0.5)
    quotas.fails_with = RuntimeError("broken")
    quotas.answers.set()
    first.greenlet.join()
    quotas.fails_with, quotas.requests = None, 1
    world.clock.move(0.5)

    assert isinstance(first.greenlet.exception, RuntimeError)
    assert second.got or isinstance(second.greenlet.exception, RuntimeError)
    assert world.queue.waiting(OPENAI) == 0


def test_closing_leaves_nobody_waiting(world: QueueWorld, quotas: RoomQuotas) -> None:
    callers = world.calls("a1", "a2", "b1")
    quotas.requests = 1
    quotas.answers.clear()
    world.clock.move(0.5)

    closing = gevent.spawn(world.queue.close)
    gevent.idle()
    quotas.answers.set()
    closing.join()

    assert [type(caller.greenlet.exception) for caller in callers] == [Draining] * 3
    assert (quotas.held, quotas.requests) == ({}, 1)
    for late in (
        lambda: world.queue.hold(OPENAI, "a"),
        lambda: world.queue.enter(asking()),
    ):
        with pytest.raises(Draining):
            late()


def test_a_queue_that_closes_while_room_is_asked_for_lets_nobody_wait(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    quotas.answers.clear()
    caller = world.call("a")

    world.queue.close()
    quotas.answers.set()
    gevent.idle()

    assert isinstance(caller.greenlet.exception, Draining)


def test_the_machines_clock_wakes_the_line() -> None:
    quotas = RoomQuotas()
    queue = BurstQueue(quotas, 1)
    waiting = gevent.spawn(queue.enter, asking())
    gevent.idle()

    quotas.requests = 1

    assert waiting.get(timeout=10).tokens == 1

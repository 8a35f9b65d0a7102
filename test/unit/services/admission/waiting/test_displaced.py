"""One user who fills the queue keeps nobody else out of it."""

import pytest
from worlds.queue_room import OPENAI, Caller, QueueWorld, RoomQuotas

from services.admission.waiting.burst_queue import BurstQueue
from services.domain.errors.requests import TooManyRequests
from services.domain.limits import Priority


@pytest.fixture
def quotas() -> RoomQuotas:
    return RoomQuotas()


@pytest.fixture
def world(quotas: RoomQuotas) -> QueueWorld:
    return QueueWorld(quotas, size=4)


def refusal(caller: Caller) -> TooManyRequests:
    error = caller.greenlet.exception
    assert isinstance(error, TooManyRequests)
    return error


def is_full(queue: BurstQueue, user_id: str) -> bool:
    try:
        queue.hold(OPENAI, user_id)
    except TooManyRequests:
        return True
    return False


def test_a_newcomer_takes_the_newest_place_of_who_has_most(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    *first, last = world.calls("a1", "a2", "b1", "a3")

    newcomer = world.call("c1")

    told = refusal(last)
    assert (told.status, told.code, told.retryable) == (429, "queue_full", True)
    assert told.retry_after
    assert "Many wait for openai" in told.detail
    assert newcomer.positions == [3]
    quotas.requests = 4
    world.clock.move(0.5)
    assert list(world.served) == ["a1", "b1", "c1", "a2"]
    assert all(caller.got for caller in (*first, newcomer))


def test_shares_become_equal_and_then_nobody_is_displaced(world: QueueWorld) -> None:
    world.calls("a1", "a2", "a3", "a4")

    assert world.call("b1").positions
    assert world.call("b2").positions
    assert refusal(world.call("b3"))
    assert refusal(world.call("a5"))
    assert world.queue.waiting(OPENAI) == 4
    assert world.call("c1").positions  # it has none, others have two
    assert refusal(world.call("b4"))


def test_a_promise_makes_room_before_a_call_that_waits(world: QueueWorld) -> None:
    waiting = world.calls("a1", "a2", "a3")
    promised = world.queue.hold(OPENAI, "a")

    place = world.queue.hold(OPENAI, "b")

    assert refusal(world.call("a4", place=promised))  # as one that found it full
    assert world.call("b1", place=place).positions == [2]
    assert all(not caller.greenlet.dead for caller in waiting)
    assert world.queue.waiting(OPENAI) == 4


def test_a_promise_that_was_taken_is_tried_once_more_when_it_is_used(world: QueueWorld) -> None:
    promised = [world.queue.hold(OPENAI, "a") for _ in range(4)]
    place = world.queue.hold(OPENAI, "b")
    place.give_back()

    assert world.call("a1", place=promised[-1]).positions == [1]
    assert is_full(world.queue, "a")


def test_one_user_with_many_calls_keeps_out_none_of_many(quotas: RoomQuotas) -> None:
    world = QueueWorld(quotas, size=100)
    greedy = world.calls(*(f"a{number}" for number in range(100)))

    others = [world.call(chr(ord("b") + number)) for number in range(20)]

    assert all(other.positions for other in others)
    assert [caller.greenlet.dead for caller in greedy] == [False] * 80 + [True] * 20
    quotas.requests = 21
    world.clock.move(0.5)
    assert {name[0] for name in world.served} == {chr(ord("a") + number) for number in range(21)}


def test_what_can_wait_displaces_nobody(world: QueueWorld) -> None:
    world.calls("a1", "a2", "a3", "a4")

    assert refusal(world.call("b1", Priority.BACKGROUND))
    assert world.queue.waiting(OPENAI) == 4


def test_of_who_has_most_background_calls_go_first(world: QueueWorld) -> None:
    background = world.call("a1", Priority.BACKGROUND)
    world.calls("a2", "a3", "a4")

    assert world.call("b1").positions

    assert refusal(background)


def test_a_call_that_is_displaced_while_its_quota_is_asked_keeps_nothing_of_it(
    quotas: RoomQuotas,
) -> None:
    world = QueueWorld(quotas, size=2)
    first, last = world.calls("a1", "a2")
    first.greenlet.kill()
    world.call("a3")
    quotas.requests = 1
    quotas.answers.clear()
    world.clock.move(0.5)  # room is being asked for the first

    newcomer = world.call("b1")
    quotas.answers.set()
    world.clock.move(0.5)

    assert sum(1 for caller in (last, newcomer) if caller.got) == 1
    assert len(quotas.held) == 1

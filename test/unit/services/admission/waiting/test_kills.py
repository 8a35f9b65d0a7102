"""Calls that end while they wait, at each point: nothing leaks, and the next call moves up."""

import gevent
import pytest
from gevent import GreenletExit
from worlds.queue_room import OPENAI, Caller, QueueWorld, RoomQuotas

from services.domain.limits import Priority


class Thrown(Exception):
    """What a time limit throws into a call."""


@pytest.fixture
def quotas() -> RoomQuotas:
    return RoomQuotas()


@pytest.fixture
def world(quotas: RoomQuotas) -> QueueWorld:
    return QueueWorld(quotas)


@pytest.fixture(params=[GreenletExit, Thrown])
def reason(request: pytest.FixtureRequest) -> type[BaseException]:
    """Give each thing that ends a call."""
    kind: type[BaseException] = request.param
    return kind


def end(caller: Caller, reason: type[BaseException]) -> None:
    """Throw the reason into the caller."""
    caller.greenlet.kill(reason, block=False)


def test_who_ends_while_it_waits_leaves_the_queue(
    world: QueueWorld, quotas: RoomQuotas, reason: type[BaseException]
) -> None:
    first, second, third = world.calls("a1", "a2", "a3")

    end(second, reason)
    world.clock.move(0.5)

    assert world.queue.waiting(OPENAI) == 2
    assert (first.positions, third.positions) == ([1], [3, 2])
    quotas.requests = 3
    world.clock.move(0.5)
    assert list(world.served) == ["a1", "a3"]
    assert quotas.requests == 1
    assert len(world.waits) == 3


def test_room_that_is_made_for_one_who_has_ended_is_given_back(
    world: QueueWorld, quotas: RoomQuotas, reason: type[BaseException]
) -> None:
    first, second = world.calls("a1", "a2")
    quotas.requests = 1
    quotas.answers.clear()
    world.clock.move(0.5)
    assert len(quotas.held) == 1

    end(first, reason)
    gevent.idle()
    assert first.greenlet.dead
    quotas.answers.set()
    gevent.idle()

    assert second.got
    assert [*quotas.held.values()] == [second.got]
    assert quotas.requests == 0


def test_room_that_nobody_took_any_more_is_given_back(
    world: QueueWorld, quotas: RoomQuotas, reason: type[BaseException]
) -> None:
    first, second = world.calls("a1", "a2")
    quotas.requests = 1

    def end_once_it_is_reserved() -> None:
        assert quotas.held
        end(first, reason)

    quotas.on_reserved = end_once_it_is_reserved
    world.clock.move(0.5)
    world.clock.move(0.5)

    assert not first.got
    assert second.got
    assert [*quotas.held.values()] == [second.got]
    assert quotas.requests == 0


def test_one_that_is_killed_again_while_room_is_given_back_leaves_nothing_either(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    caller = world.call("a")
    quotas.requests = 1

    def end_once_it_is_reserved() -> None:
        end(caller, GreenletExit)
        quotas.answers.clear()

    quotas.on_reserved = end_once_it_is_reserved
    world.clock.move(0.5)
    end(caller, GreenletExit)
    gevent.idle()
    assert quotas.held
    quotas.answers.set()
    gevent.idle()

    assert (quotas.held, quotas.requests) == ({}, 1)


def test_who_ends_before_it_was_asked_for_even_once_was_never_there(
    world: QueueWorld, reason: type[BaseException]
) -> None:
    world.call("a")
    greenlets = [gevent.spawn(world.queue.waiting, OPENAI)]
    late = world.call("b", Priority.BACKGROUND)
    end(late, reason)
    gevent.joinall(greenlets)
    gevent.idle()

    assert world.queue.waiting(OPENAI) == 1


def test_a_reader_that_fails_at_once_ends_its_own_call(world: QueueWorld) -> None:
    good = world.call("a1")

    bad = world.call("a2", tell_fails_at=2)

    assert isinstance(bad.greenlet.exception, RuntimeError)
    assert good.positions == [1]
    assert world.queue.waiting(OPENAI) == 1


def test_a_reader_that_fails_later_keeps_nobody_waiting(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    world.call("a1")
    bad = world.call("a2", tell_fails_at=1)
    last = world.call("a3")
    quotas.requests = 1

    world.clock.move(1)

    assert bad.positions == [2, 1]
    assert last.positions == [3, 2]
    quotas.requests = 2
    world.clock.move(0.5)
    assert list(world.served) == ["a1", "a2", "a3"]


def test_all_of_many_may_end_at_once(world: QueueWorld, quotas: RoomQuotas) -> None:
    callers = [world.call(f"{user}{number}") for number in range(50) for user in "abc"]
    quotas.requests = 40

    for caller in callers[::2]:
        end(caller, GreenletExit)
    world.clock.move(0.5)

    assert len(world.served) == len(quotas.held) == 40
    assert world.queue.waiting(OPENAI) == 75 - 40
    for caller in callers:
        end(caller, GreenletExit)
    world.clock.move(0.5)
    assert world.queue.waiting(OPENAI) == 0
    assert len(quotas.held) == 40

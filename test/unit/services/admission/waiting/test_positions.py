"""Positions: told at once, then at a bounded pace and only if they have changed."""

from itertools import pairwise

import pytest
from worlds.queue_room import OPENAI, QueueWorld, RoomQuotas

from services.domain.limits import Priority


@pytest.fixture
def quotas() -> RoomQuotas:
    return RoomQuotas()


@pytest.fixture
def world(quotas: RoomQuotas) -> QueueWorld:
    return QueueWorld(quotas)


def test_who_comes_is_told_its_position_at_once(world: QueueWorld) -> None:
    callers = world.calls("a1", "a2", "b1", "a3", "b2")

    assert [caller.positions for caller in callers] == [[1], [2], [2], [4], [4]]


def test_others_are_told_within_half_a_second_where_theirs_has_changed(world: QueueWorld) -> None:
    first, second, third, fourth = world.calls("a1", "a2", "a3", "b1")
    assert fourth.positions == [2]

    world.clock.move(0.5)

    assert (first.positions, second.positions, third.positions) == ([1], [2, 3], [3, 4])
    assert fourth.positions == [2]


def test_an_interactive_call_puts_background_ones_behind_it(world: QueueWorld) -> None:
    behind = world.calls("a1", "a2", priority=Priority.BACKGROUND)
    before = world.call("b1")
    assert before.positions == [1]

    world.clock.move(0.5)

    assert [caller.positions for caller in behind] == [[1, 2], [2, 3]]


def test_many_changes_are_told_as_one(world: QueueWorld, quotas: RoomQuotas) -> None:
    callers = [world.call(f"a{number}") for number in range(100)]
    world.clock.move(5)
    quotas.requests = 60

    world.clock.move(0.5)
    world.clock.move(0.5)

    assert [caller.positions for caller in callers[60:]] == [[n, n - 60] for n in range(61, 101)]


def test_nobody_is_told_more_often_than_every_half_second(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    quotas.wait_seconds = 0.1
    callers = [world.call(f"a{number}") for number in range(50)]
    told = {caller.name: [world.clock.now()] for caller in callers}

    for _ in range(100):  # five seconds, with a call that goes out in each tenth
        counts = [len(caller.positions) for caller in callers]
        world.clock.move(0.05)
        quotas.requests = 1 if len(world.served) < 40 else 0
        for caller, before in zip(callers, counts, strict=True):
            assert len(caller.positions) <= before + 1
            if len(caller.positions) > before:
                told[caller.name].append(world.clock.now())

    assert len(world.served) == 40
    for times in told.values():
        assert all(later - earlier > 0.49 for earlier, later in pairwise(times))
    assert [caller.positions[-1] for caller in callers[40:]] == list(range(1, 11))
    assert all(sorted(c.positions, reverse=True) == c.positions for c in callers)


def test_who_was_told_just_now_is_told_with_the_next(world: QueueWorld) -> None:
    first, second = world.calls("a1", "a2")
    world.clock.move(0.4)
    late = world.call("a3")
    first.greenlet.kill()

    world.clock.move(0.1)
    assert (second.positions, late.positions) == ([2, 1], [3])

    world.clock.move(0.5)
    assert late.positions == [3, 2]


def test_nobody_is_told_what_it_knows(world: QueueWorld) -> None:
    callers = world.calls("a1", "a2")

    world.clock.move(30)
    world.call("a3").greenlet.kill()
    world.clock.move(30)

    assert [caller.positions for caller in callers] == [[1], [2]]


def test_positions_are_told_while_room_is_given_all_the_time(
    world: QueueWorld, quotas: RoomQuotas
) -> None:
    callers = [world.call(f"a{number}") for number in range(30)]
    quotas.tokens = 0

    for _ in range(20):
        quotas.tokens += 10
        quotas.requests = 1
        world.clock.move(0.5)

    assert len(world.served) == 20
    assert callers[29].positions[-1] in (10, 11)
    assert len(callers[29].positions) > 15
    assert world.queue.waiting(OPENAI) == 10

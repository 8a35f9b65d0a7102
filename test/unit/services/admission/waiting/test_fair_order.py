"""Which waiting call goes first."""

import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.admission.waiting.fair_order import FairOrder
from services.domain.limits import Priority

INTERACTIVE, BACKGROUND = Priority


@dataclass(frozen=True, slots=True)
class One:
    """A call that waits."""

    user_id: str
    arrival: int
    priority: Priority = INTERACTIVE


def of(*users: str, priority: Priority = INTERACTIVE, first: int = 0) -> list[One]:
    """Let users come one after the other."""
    return [One(user, number, priority) for number, user in enumerate(users, first)]


def order_of(those: list[One]) -> FairOrder[One]:
    """Put the calls in order."""
    order: FairOrder[One] = FairOrder()
    for one in those:
        order.add(one)
    return order


def drained(order: FairOrder[One]) -> list[One]:
    """Serve all of them."""
    served = []
    while (first := order.first) is not None:
        order.serve(first)
        served.append(first)
    return served


def test_users_take_turns_and_each_users_own_go_by_arrival() -> None:
    those = of(*"aaaabbc")

    served = drained(order_of(those))

    assert "".join(one.user_id for one in served) == "abcabaa"
    assert [one.arrival for one in served if one.user_id == "a"] == [0, 1, 2, 3]


def test_interactive_ones_go_before_all_background_ones() -> None:
    order = order_of([*of(*"aab", priority=BACKGROUND), *of(*"cc", first=9)])

    assert "".join(one.user_id for one in drained(order)) == "ccaba"


def test_whoever_is_first_stays_first_when_others_come() -> None:
    order = order_of(of("a"))

    for late in of(*"bcd", first=1):
        order.add(late)
        assert order.first == One("a", 0)


def test_a_user_who_was_served_waits_for_the_round_to_end() -> None:
    order = order_of(of(*"aabb"))

    order.serve(One("a", 0))
    order.add(One("c", 9))

    assert "".join(one.user_id for one in order) == "bacb"


def test_who_leaves_costs_its_user_no_turn() -> None:
    order = order_of(of(*"aab"))

    assert order.discard(One("a", 0))
    assert not order.discard(One("a", 0))

    assert order.first == One("a", 1)
    assert len(order) == 2


def test_one_that_came_before_others_of_its_user_goes_before_them() -> None:
    order = order_of([One("a", 0), One("a", 2), One("a", 3)])

    order.add(One("a", 1))

    assert [one.arrival for one in order] == [0, 1, 2, 3]
    assert order.position(One("a", 3)) == 4


@pytest.mark.parametrize(
    ("waiting", "coming", "is_clear"),
    [
        ((), INTERACTIVE, True),
        ((BACKGROUND,), INTERACTIVE, True),
        ((BACKGROUND,), BACKGROUND, False),
        ((INTERACTIVE,), INTERACTIVE, False),
        ((INTERACTIVE,), BACKGROUND, False),
    ],
)
def test_it_is_clear_where_nobody_goes_before(
    waiting: tuple[Priority, ...], coming: Priority, *, is_clear: bool
) -> None:
    order = order_of([One("a", number, one) for number, one in enumerate(waiting)])

    assert order.is_clear_for(coming) is is_clear


def test_a_crowd_is_put_in_order_in_as_many_steps_as_it_has_members() -> None:
    began = time.process_time()
    order: FairOrder[One] = FairOrder()
    for number in range(40_000):
        order.add(one := One(f"user {number}", number))
        assert order.position(one) == number + 1

    assert sum(1 for _ in order) == 40_000
    assert time.process_time() - began < 5  # usually a tenth of a second; minutes if quadratic


steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "serve", "leave"]),
        st.sampled_from("abcd"),
        st.sampled_from(Priority),
        st.integers(0, 50),
    ),
    max_size=60,
)


@given(steps)
def test_positions_are_told_as_all_are_served(those: list[tuple[str, str, Priority, int]]) -> None:
    order: FairOrder[One] = FairOrder()
    for arrival, (step, user, priority, number) in enumerate(those):
        waiting = list(order)
        if step == "add":
            order.add(came := One(user, arrival, priority))
            assert order.position(came) == [*order].index(came) + 1
        elif step == "leave" and waiting:
            order.discard(waiting[number % len(waiting)])
        elif step == "serve" and waiting:
            order.serve(waiting[0])
            assert waiting[0] not in order
        assert len(order) == len(list(order))
        assert order.first == next(iter(order), None)

    foretold = list(order)
    for one in foretold:
        assert order.position(one) == foretold.index(one) + 1

    assert drained(order) == foretold
    assert not order

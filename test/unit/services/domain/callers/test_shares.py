"""Shared places: one alone gets its part, many leave room, newcomers get in."""

from collections import Counter

import pytest

from services.domain.callers.shares import ALWAYS, WHOLE, may_take

PLACES = 2000


def after_all_took(holders: int, alone: float, places: int = PLACES) -> Counter[int]:
    """Have holders take places in turn, for as long as any of them may."""
    held: Counter[int] = Counter(dict.fromkeys(range(holders), 0))
    went_on = True
    while went_on:
        went_on = False
        for holder in range(holders):
            if may_take(held[holder], places - held.total(), alone):
                held[holder] += 1
                went_on = True
    return held


@pytest.mark.parametrize("alone", [0.2, 0.5, 0.75])
def test_one_alone_gets_its_part_and_no_more(alone: float) -> None:
    assert after_all_took(1, alone)[0] == pytest.approx(alone * PLACES, abs=1)


@pytest.mark.parametrize("holders", [2, 8, 32, 200])
def test_many_that_take_all_they_can_get_the_same_and_leave_room(holders: int) -> None:
    held = after_all_took(holders, 0.75)
    free = PLACES - held.total()

    assert max(held.values()) - min(held.values()) <= 1
    assert free >= PLACES // (1 + 3 * holders)
    assert may_take(0, free, 0.75)


def test_who_holds_none_gets_in_while_there_is_a_place() -> None:
    assert may_take(0, 1, 0.01)
    assert not may_take(0, 0, WHOLE)


def test_where_nothing_is_shared_one_may_hold_everything() -> None:
    assert after_all_took(1, WHOLE)[0] == PLACES


def test_where_there_are_only_a_few_places_all_can_be_used() -> None:
    assert after_all_took(1, 0.01, places=ALWAYS)[0] == ALWAYS

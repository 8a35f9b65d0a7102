"""Callers of any number of addresses: what is counted of them has a bound."""

from services.admission.windows.local import LocalWindows
from services.domain.limits import Limit

THREE = Limit("3 per minute", 3, 60)
CALLERS = 20_000


def test_any_number_of_callers_take_a_bounded_number_of_windows() -> None:
    windows = LocalWindows(most_windows=100)
    allowed = sum(windows.take(f"login:{number}", [THREE]).fits for number in range(CALLERS))

    assert len(windows) < 100 + 1024 + 1
    assert allowed <= 100 + 1024 * 3


def test_a_crowd_takes_nothing_from_those_who_were_there_nor_from_other_kinds() -> None:
    windows = LocalWindows(most_windows=100)
    windows.take("login:first", [THREE])
    for number in range(CALLERS):
        windows.take(f"login:{number}", [THREE])

    assert windows.look("login:first", [THREE]).tightest.remaining == 2
    assert windows.look("ai:first", [THREE]).tightest.remaining == 3


def test_who_is_counted_in_a_crowd_is_given_back_there() -> None:
    windows = LocalWindows(most_windows=0)
    entry = windows.take("login:somebody", [THREE]).entry
    assert entry is not None
    windows.give_back("login:somebody", [THREE], entry)

    assert windows.look("login:somebody", [THREE]).tightest.remaining == 3


def test_when_the_crowd_has_gone_its_windows_go_too() -> None:
    now = [0.0]
    windows = LocalWindows(lambda: now[0], most_windows=10)
    for number in range(100):
        windows.take(f"login:{number}", [THREE])
    now[0] = 61
    for _ in range(200):
        windows.take("login:again", [THREE])
        now[0] += 61

    assert len(windows) == 1
    assert windows.take("login:new", [THREE]).fits

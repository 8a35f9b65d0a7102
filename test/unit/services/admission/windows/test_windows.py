"""Moving windows: what both kinds promise, in memory and in Redis."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from worlds.patience import eventually

from services.admission.shared_link import SharedLink
from services.admission.windows.local import LocalWindows
from services.admission.windows.shared import SharedWindows
from services.domain.limits import Limit, Windows
from services.redis.worker_redis import WorkerRedis

THREE = Limit("3 per minute", 3, 60)
FIVE = Limit("5 per hour", 5, 3600)
ONE_A_SECOND = Limit("1 per second", 1, 1)


@pytest.fixture(params=["memory", "redis"])
def windows(request: pytest.FixtureRequest) -> Iterator[Windows]:
    """Give an empty counter of each kind."""
    if request.param == "memory":
        yield LocalWindows()
        return
    url = request.getfixturevalue("redis_server").url
    with closing(SharedWindows(SharedLink(WorkerRedis(url), processes=2))) as shared:
        yield shared


def test_looking_takes_nothing(windows: Windows) -> None:
    looks = [windows.look("ann", [THREE]) for _ in range(5)]

    assert all(look.fits for look in looks)
    assert {look.tightest.remaining for look in looks} == {3}
    assert 59 < looks[-1].tightest.reset_seconds <= 60


def test_taking_counts_down_to_nothing(windows: Windows) -> None:
    counts = [windows.take("ann", [THREE]) for _ in range(5)]

    assert [count.fits for count in counts] == [True, True, True, False, False]
    assert [count.tightest.remaining for count in counts] == [2, 1, 0, 0, 0]
    assert not windows.look("ann", [THREE]).fits
    assert 50 < counts[-1].tightest.reset_seconds <= 60


def test_where_one_limit_has_no_room_nothing_is_taken_of_the_others(windows: Windows) -> None:
    for _ in range(3):
        windows.take("ann", [THREE, FIVE])

    refused = windows.take("ann", [THREE, FIVE])

    assert not refused.fits
    assert [one.remaining for one in refused.standings] == [0, 2]
    assert refused.tightest.limit == THREE


def test_of_limits_that_are_used_up_the_longest_is_told(windows: Windows) -> None:
    hour = Limit("3 per hour", 3, 3600)
    for _ in range(3):
        windows.take("ann", [THREE, hour])

    assert windows.take("ann", [THREE, hour]).tightest.limit == hour


def test_what_happened_counts_even_where_there_was_no_room(windows: Windows) -> None:
    counts = [windows.add("ann", [THREE]) for _ in range(5)]

    assert [count.fits for count in counts] == [True, True, True, False, False]
    assert [count.tightest.remaining for count in counts] == [2, 1, 0, 0, 0]
    assert not windows.take("ann", [THREE]).fits


def test_what_is_beyond_a_limit_must_leave_the_window_too(windows: Windows) -> None:
    first = time.monotonic()
    windows.add("ann", [ONE_A_SECOND])
    eventually(lambda: time.monotonic() > first + 0.4)
    second = time.monotonic()
    told = windows.add("ann", [ONE_A_SECOND]).tightest.reset_seconds

    eventually(lambda: windows.take("ann", [ONE_A_SECOND]).fits)

    assert time.monotonic() - second > 0.9
    assert 0 < told <= 1


def test_subjects_and_limits_are_counted_apart(windows: Windows) -> None:
    windows.take("ann", [THREE])

    assert windows.look("bob", [THREE]).tightest.remaining == 3
    assert windows.look("ann", [FIVE]).tightest.remaining == 5


def test_the_window_moves_with_the_clock(windows: Windows) -> None:
    assert windows.take("ann", [ONE_A_SECOND]).fits
    assert not windows.take("ann", [ONE_A_SECOND]).fits

    eventually(lambda: windows.look("ann", [ONE_A_SECOND]).fits)

    assert windows.take("ann", [ONE_A_SECOND]).fits


def test_what_was_taken_earlier_leaves_the_window_earlier(windows: Windows) -> None:
    two = Limit("2 per 2 seconds", 2, 2)
    began = time.monotonic()
    windows.take("ann", [two])
    eventually(lambda: time.monotonic() > began + 1)
    windows.take("ann", [two])

    eventually(lambda: windows.look("ann", [two]).fits)

    assert time.monotonic() < began + 2.8
    assert windows.look("ann", [two]).tightest.remaining == 1


def test_many_at_once_take_no_more_than_there_is(windows: Windows) -> None:
    twenty = Limit("20 per minute", 20, 60)
    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(lambda _: windows.take("ann", [twenty]).fits, range(60)))

    assert taken.count(True) == 20


def test_what_is_given_back_makes_room_at_once_and_only_once(windows: Windows) -> None:
    for _ in range(2):
        windows.take("ann", [THREE, FIVE])
    last = windows.take("ann", [THREE, FIVE])
    assert last.entry is not None

    told = windows.give_back("ann", [THREE, FIVE], last.entry)

    assert [one.remaining for one in told.standings] == [1, 3]
    assert windows.take("ann", [THREE, FIVE]).fits
    assert not windows.take("ann", [THREE, FIVE]).fits


def test_what_is_given_back_is_the_own_request_and_no_older_one(windows: Windows) -> None:
    two = Limit("2 per 1 second", 2, 1)
    began = time.monotonic()
    windows.take("ann", [two])
    eventually(lambda: time.monotonic() > began + 0.4)
    second = windows.take("ann", [two])
    assert second.entry is not None

    told = windows.give_back("ann", [two], second.entry)

    assert told.tightest.reset_seconds < 0.7  # of the first


def test_a_refused_request_has_nothing_to_give_back(windows: Windows) -> None:
    windows.take("ann", [ONE_A_SECOND])

    assert windows.take("ann", [ONE_A_SECOND]).entry is None
    assert windows.look("ann", [THREE]).entry is None

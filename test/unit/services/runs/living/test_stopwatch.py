"""A stopwatch adds up the time that it ran, and stands still in between."""

import pytest
from subjects.clock import Clock

from services.runs.living.stopwatch import Stopwatch


@pytest.fixture
def clock() -> Clock:
    """Give the time."""
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> Stopwatch:
    """Give a stopwatch that was never started."""
    return Stopwatch(clock)


def test_it_stands_at_zero_until_it_is_started(clock: Clock, watch: Stopwatch) -> None:
    clock.now += 5

    assert (watch.seconds, watch.stopped_seconds, watch.since) == (0, 0, None)


def test_it_shows_what_it_has_run_so_far(clock: Clock, watch: Stopwatch) -> None:
    watch.start()
    began = clock.now
    clock.now += 5

    assert (watch.seconds, watch.stopped_seconds, watch.since) == (5, 0, began)


def test_it_keeps_what_it_showed_when_it_was_stopped(clock: Clock, watch: Stopwatch) -> None:
    watch.start()
    clock.now += 5
    watch.stop()
    clock.now += 60

    assert (watch.seconds, watch.stopped_seconds, watch.since) == (5, 5, None)


def test_it_goes_on_from_where_it_was_stopped(clock: Clock, watch: Stopwatch) -> None:
    for _ in range(3):
        watch.start()
        clock.now += 5
        watch.stop()
        clock.now += 60
    watch.start()
    clock.now += 2

    assert (watch.seconds, watch.stopped_seconds) == (17, 15)


def test_a_second_start_changes_nothing(clock: Clock, watch: Stopwatch) -> None:
    watch.start()
    clock.now += 5
    watch.start()
    clock.now += 5

    assert watch.seconds == 10


def test_a_second_stop_changes_nothing(clock: Clock, watch: Stopwatch) -> None:
    watch.start()
    clock.now += 5
    watch.stop()
    clock.now += 5
    watch.stop()

    assert watch.seconds == watch.stopped_seconds == 5

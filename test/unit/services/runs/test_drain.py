"""The end of a worker: runs that may end do, the others are interrupted, nothing is lost."""

import time

import gevent
import pytest
from gevent.event import Event
from worlds.run_world import MakeWorld, RunWorld, said

from services.domain.events import Content, Done, Error
from services.domain.sessions import MessageStatus
from services.runs.drain import Drain
from services.runs.living.run import Living


def finished(drain: Drain) -> float:
    """Wait for the drain; give the seconds that it took."""
    started = time.monotonic()
    with gevent.Timeout(10):
        drain.finish()
    return time.monotonic() - started


def half_written(world: RunWorld) -> Living:
    """Make a run that would never end."""
    living = world.launch()
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    return living


def test_an_answer_that_ends_in_time_ends_normally(make_world: MakeWorld) -> None:
    world = make_world([0.1, *said("in time")])
    living = world.launch()
    drain = world.drain(4)
    drain.start()

    took = finished(drain)

    assert isinstance(world.story_of(living).end, Done)
    assert took < 1


def test_the_rest_is_interrupted_with_its_text_and_its_readers_are_told(
    make_world: MakeWorld,
) -> None:
    world = make_world([Content("so far"), Event()])
    living = half_written(world)
    reading = gevent.spawn(world.story_of, living)
    drain = world.drain(0.4)
    drain.start()

    took = finished(drain)

    story = reading.get(timeout=10)
    assert isinstance(story.end, Error)
    assert (story.end.code, story.end.persisted) == ("interrupted", True)
    run, text = world.stored(living)
    assert (run.status, text) == (MessageStatus.INTERRUPTED, "so far")
    assert 0.2 <= took < 0.4
    assert len(world.runner) == 0


def test_without_a_signal_everything_is_settled_at_once(make_world: MakeWorld) -> None:
    world = make_world([Content("so far"), Event()])
    living = half_written(world)

    took = finished(world.drain(30))

    assert took < 2
    assert world.stored(living)[0].status is MessageStatus.INTERRUPTED


def test_a_worker_without_runs_goes_at_once(make_world: MakeWorld) -> None:
    drain = make_world().drain(30)
    states = [drain.is_draining]
    drain.start()
    states.append(drain.is_draining)
    assert states == [False, True]
    assert finished(drain) < 1


def test_a_second_signal_changes_nothing(make_world: MakeWorld) -> None:
    world = make_world([0.1, *said("in time")])
    living = world.launch()
    drain = world.drain(4)
    drain.start()
    drain.start()
    finished(drain)
    assert isinstance(world.story_of(living).end, Done)


def test_a_run_that_was_begun_before_the_signal_and_launched_after_it_has_its_time(
    make_world: MakeWorld,
) -> None:
    world = make_world([0.1, *said("in time")])
    first = world.launch()
    begun = world.begin()
    drain = world.drain(4)
    drain.start()
    gevent.sleep(0.02)
    late = world.living(begun)
    world.runner.launch(late)
    finished(drain)
    assert isinstance(world.story_of(first).end, Done)
    assert isinstance(world.story_of(late).end, Done)


def test_a_run_that_is_launched_at_the_very_end_is_interrupted_too(
    make_world: MakeWorld,
) -> None:
    world = make_world([Event()])
    drain = world.drain(4)
    drain.start()
    finished(drain)
    living = world.launch()
    world.wait()
    assert world.stored(living)[0].status is MessageStatus.INTERRUPTED


@pytest.mark.parametrize(("graceful", "patience"), [(30, 25), (10, 5), (8, 4), (6, 3), (1, 0.5)])
def test_five_seconds_are_kept_and_of_a_short_time_a_half(
    make_world: MakeWorld, graceful: float, patience: float
) -> None:
    assert make_world().drain(graceful).patience == patience

"""The beat: what it stores, what it brings back, and what the failure of a beat means."""

import gevent
import pytest
from gevent.event import Event
from worlds.run_world import MakeWorld, RunWorld, read_to_the_end
from worlds.stores import OTHER_WORKER, WORKER, call

from services.domain.errors.outages import StoreUnavailable
from services.domain.events import Content, Reasoning
from services.domain.sessions import FinishReason
from services.runs.living.run import Living


def waiting(world: RunWorld) -> Living:
    """Launch a run and wait until its provider waits."""
    living = world.launch()
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    world.provider.is_reached.clear()
    return living


def go_on(world: RunWorld, gate: Event) -> None:
    """Let the provider go on to its next wait."""
    gate.set()
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    world.provider.is_reached.clear()


def test_each_piece_is_stored_once(make_world: MakeWorld) -> None:
    first, second = Event(), Event()
    world = make_world([Content("one "), first, Content("two "), second])
    living = waiting(world)
    world.beat.beat()
    assert world.stored(living)[1] == "one "
    world.beat.beat()
    go_on(world, first)
    world.beat.beat()
    world.beat.beat()
    assert world.stored(living)[1] == "one two "


def test_reasoning_is_no_part_of_the_saved_text(make_world: MakeWorld) -> None:
    world = make_world([Reasoning("hm"), Content("yes"), Event()])
    living = waiting(world)
    world.beat.beat()
    assert world.stored(living)[1] == "yes"


def test_the_call_that_a_run_is_in_is_stored(make_world: MakeWorld) -> None:
    world = make_world([Content("a"), Event()])
    waiting(world)
    world.beat.beat()
    [claimed] = world.store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)
    assert claimed.calls == (call(),)


def test_all_runs_beat_in_one_call(make_world: MakeWorld) -> None:
    world = make_world([Content("a"), Event()])
    runs = [world.launch() for _ in range(20)]
    with gevent.Timeout(10):
        while any(living.writer.top < 2 for living in runs):
            gevent.sleep(0.005)
    world.beat.beat()
    assert world.provider.journal.count("beat") == 1
    assert {world.stored(living)[1] for living in runs} == {"a"}


def test_a_beat_that_failed_is_made_good_by_the_next(make_world: MakeWorld) -> None:
    first, second = Event(), Event()
    world = make_world([Content("one "), first, Content("two "), second])
    living = waiting(world)
    world.runs.away.add("beat")
    with pytest.raises(StoreUnavailable):
        world.beat.beat()
    go_on(world, first)
    world.runs.away.clear()
    world.beat.beat()
    world.beat.beat()
    assert world.stored(living)[1] == "one two "


def test_a_beat_whose_reply_was_lost_stores_nothing_twice(make_world: MakeWorld) -> None:
    first, second = Event(), Event()
    world = make_world([Content("one "), first, Content("two "), second])
    living = waiting(world)
    world.runs.answers_lost.add("beat")
    with pytest.raises(StoreUnavailable):
        world.beat.beat()
    go_on(world, first)
    world.runs.answers_lost.clear()
    world.beat.beat()
    world.beat.beat()
    assert world.stored(living)[1] == "one two "


def test_a_stop_that_only_the_store_knows_ends_the_run(make_world: MakeWorld) -> None:
    world = make_world([Content("a"), Event()])
    living = waiting(world)
    run = living.turn.run
    world.store.runs.request_stop(run.user_id, run.id, run.created_at)
    world.beat.beat()
    world.wait()
    assert world.stored(living)[0].finish_reason is FinishReason.STOPPED


def test_a_run_that_another_worker_took_is_let_go(make_world: MakeWorld) -> None:
    world = make_world([Content("a"), Event()])
    living = waiting(world)
    events = world.follow(living)
    world.store.runs.claim_dead(OTHER_WORKER, [WORKER], 10)
    world.beat.beat()

    story = read_to_the_end(events)

    assert (story.text, story.terminals) == ("a", [])
    world.wait()
    assert world.stored(living)[0].is_active
    assert "settle_turn" not in world.provider.journal


def test_beats_go_on_whatever_happens(make_world: MakeWorld) -> None:
    world = make_world([Content("a"), Event()])
    beats = gevent.spawn(world.beat.run)
    living = waiting(world)
    for failing in (world.runs.away, world.runs.broken):
        failing.add("beat")
        seen = world.provider.journal.count("beat")
        with gevent.Timeout(10):
            while world.provider.journal.count("beat") < seen + 3:
                gevent.sleep(0.005)
        failing.clear()
    with gevent.Timeout(10):
        while not world.stored(living)[1]:
            gevent.sleep(0.005)
    beats.kill()
    assert world.stored(living)[1] == "a"

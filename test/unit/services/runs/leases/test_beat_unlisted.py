"""Runs that the store takes for this worker's, and that this worker does not write."""

import gevent
from gevent.event import Event
from worlds.run_world import MakeWorld, RunWorld
from worlds.stores import call

from services.domain.events import Done, Error
from services.domain.runs import BegunTurn, Piece, Run, RunBeat
from services.domain.sessions import FinishReason, MessageStatus
from services.runs.leases.beat import Beat

UNLISTED_SECONDS = 0.1


def patient(world: RunWorld) -> Beat:
    """Make a beat that waits before it takes a run up."""
    return world.beat_of(UNLISTED_SECONDS)


def now(world: RunWorld, begun: BegunTurn) -> Run:
    """Read a run."""
    return world.store.runs.get(begun.run.user_id, begun.run.id)


def test_a_begin_whose_reply_was_lost_is_settled_after_a_while(make_world: MakeWorld) -> None:
    world = make_world([Event()])
    begun = world.begin()
    beat = patient(world)
    beat.beat()
    assert now(world, begun).is_active
    gevent.sleep(UNLISTED_SECONDS)
    beat.beat()

    run = now(world, begun)
    assert isinstance(run.terminal, Error)
    assert (run.status, run.terminal.code) == (MessageStatus.INTERRUPTED, "interrupted")
    assert world.ledger() == []


def test_a_run_that_is_launched_meanwhile_is_left_alone(make_world: MakeWorld) -> None:
    world = make_world([Event()])
    begun = world.begin()
    beat = patient(world)
    beat.beat()
    gevent.sleep(UNLISTED_SECONDS)
    world.runner.launch(world.living(begun))
    beat.beat()
    beat.beat()
    assert now(world, begun).is_active


def test_a_stop_of_such_a_run_is_honoured(make_world: MakeWorld) -> None:
    world = make_world([Event()])
    begun = world.begin()
    world.store.runs.request_stop(begun.run.user_id, begun.run.id, begun.run.created_at)
    world.beat.beat()
    run = now(world, begun)
    assert isinstance(run.terminal, Done)
    assert run.finish_reason is FinishReason.STOPPED


def test_what_such_a_run_has_saved_is_kept(make_world: MakeWorld) -> None:
    world = make_world([Event()])
    begun = world.begin()
    piece = RunBeat(begun.run.id, 1, Piece(5, "saved"), [call(1), call(2)])
    world.store.runs.beat(world.worker_id, [piece], begun.run.created_at)
    world.beat.beat()

    run = now(world, begun)
    assert world.store.runs.text(run.user_id, run.id) == "saved"
    assert run.terminal_seq == 6
    assert [row["attempt"] for row in world.ledger()] == [1, 2]


def test_one_that_cannot_be_settled_keeps_no_other_from_it(make_world: MakeWorld) -> None:
    world = make_world([Event()])
    bad, good = world.begin(), world.begin()
    world.runs.poisoned.add(bad.run.id)
    world.beat.beat()
    assert now(world, bad).is_active
    assert not now(world, good).is_active


def test_one_that_cannot_be_settled_is_tried_again_later_and_not_at_each_beat(
    make_world: MakeWorld,
) -> None:
    world = make_world([Event()])
    begun = world.begin()
    world.runs.broken.add("settle_turn")
    beat = patient(world)
    beat.beat()
    gevent.sleep(UNLISTED_SECONDS)
    for _ in range(5):
        beat.beat()
    assert world.provider.journal.count("settle_turn") == 1
    world.runs.broken.clear()
    gevent.sleep(UNLISTED_SECONDS)
    beat.beat()
    assert not now(world, begun).is_active

"""Settling while the store is away, or breaks."""

import time

import gevent
from gevent.event import Event
from worlds.run_world import PATIENCE_SECONDS, MakeWorld, RunWorld, read_to_the_end, said

from services.domain.events import Content, Done, Error
from services.domain.sessions import FinishReason, MessageStatus
from services.runs.living.run import Ending, Living


def test_the_store_may_be_away_for_a_moment(make_world: MakeWorld) -> None:
    world = make_world(said("all"), settle_seconds=5)
    world.runs.away.add("settle_turn")
    living = world.launch()
    gevent.spawn_later(0.1, world.runs.away.clear)

    end = world.story_of(living).end

    assert end.persisted
    assert world.stored(living)[0].terminal == end


def test_readers_are_told_within_the_window_that_the_end_is_not_stored(
    make_world: MakeWorld,
) -> None:
    world = make_world(said("all"), settle_seconds=0.5)
    world.runs.away.add("settle_turn")
    started = time.monotonic()
    living = world.launch()

    story = world.story_of(living)

    assert 0.4 <= time.monotonic() - started < PATIENCE_SECONDS
    assert isinstance(story.end, Done)
    assert (story.end.persisted, story.end.finish_reason) == (False, FinishReason.STOP)
    assert story.text == "all"
    assert world.stored(living)[0].is_active


def _unstored(world: RunWorld) -> Living:
    """Make a run whose end was told and is not stored."""
    world.runs.away.add("settle_turn")
    living = world.launch()
    assert not world.story_of(living).end.persisted
    return living


def test_the_end_is_stored_once_when_the_store_is_back(make_world: MakeWorld) -> None:
    world = make_world(said("all"), settle_seconds=0.05)
    living = _unstored(world)
    world.runs.away.clear()
    world.wait()

    run, text = world.stored(living)
    assert run.terminal is not None
    assert (run.status, text, run.terminal.persisted) == (MessageStatus.COMPLETE, "all", True)
    assert len(world.ledger()) == 1
    story = world.story_of(living)
    assert len(story.terminals) == 1
    assert run.terminal_seq == story.seqs[-1]


def test_the_run_stays_in_the_beat_until_it_is_stored(make_world: MakeWorld) -> None:
    world = make_world(said("all"), settle_seconds=0.05)
    living = _unstored(world)
    assert living.run_id in world.runner
    world.beat.beat()
    assert world.stored(living)[1] == "all"
    world.runs.away.clear()
    world.wait()
    assert living.run_id not in world.runner


def test_a_stop_after_the_end_was_told_changes_nothing(make_world: MakeWorld) -> None:
    world = make_world(said("all"), settle_seconds=0.05)
    living = _unstored(world)
    run = living.turn.run
    world.store.runs.request_stop(run.user_id, run.id, run.created_at)
    world.beat.beat()
    world.runs.away.clear()
    world.wait()
    assert world.stored(living)[0].finish_reason is FinishReason.STOP


def _crashed(world: RunWorld) -> Living:
    """Make a run whose settling broke, after a checkpoint."""
    living = world.launch()
    events = world.follow(living)
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    world.beat.beat()
    world.runs.broken.add("settle_turn")
    world.runner.end(living.run_id, Ending.STOPPED)
    story = read_to_the_end(events)
    assert (story.text, story.terminals) == ("kept", [])
    world.wait()
    return living


def test_readers_of_a_run_that_cannot_be_settled_are_not_left_waiting(
    make_world: MakeWorld,
) -> None:
    world = make_world([Content("kept"), Event()])
    living = _crashed(world)
    assert len(world.runner) == 0
    assert world.log.reader(living.run_id) is None
    assert b"charla_runs_active 0.0" in world.metrics.render()


def test_a_run_that_could_not_be_settled_is_taken_up_again_with_its_text(
    make_world: MakeWorld,
) -> None:
    world = make_world([Content("kept"), Event()])
    living = _crashed(world)
    world.runs.broken.clear()
    world.beat_of(0).beat()

    run, text = world.stored(living)
    assert isinstance(run.terminal, Error)
    assert (run.status, text, run.terminal.code) == (
        MessageStatus.INTERRUPTED,
        "kept",
        "interrupted",
    )
    [row] = world.ledger()
    assert (row["attempt"], row["outcome"], row["usage_source"]) == (1, "failed", "estimated")

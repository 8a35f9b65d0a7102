"""Endings from outside: stop, shutdown, another owner."""

import gevent
import pytest
from gevent.event import Event
from worlds.run_world import MakeWorld, RunWorld, read_to_the_end, said

from services.domain.costs import Usage, UsageSource
from services.domain.events import Content, Done, Error
from services.domain.runs import AttemptOutcome
from services.domain.sessions import FinishReason, MessageStatus
from services.runs.living.run import Ending, Living


def reached(world: RunWorld) -> None:
    """Wait until the provider waits."""
    with gevent.Timeout(10):
        world.provider.is_reached.wait()


def stopped(world: RunWorld, living: Living) -> Done:
    """Stop a run, and give its end."""
    world.runner.end(living.run_id, Ending.STOPPED)
    end = world.story_of(living).end
    assert isinstance(end, Done)
    assert end.finish_reason is FinishReason.STOPPED
    return end


def test_a_stop_before_the_call_makes_none(make_world: MakeWorld) -> None:
    world = make_world(said("no"))
    living = world.launch()

    end = stopped(world, living)

    assert world.provider.journal == ["begin_turn", "settle_turn"]
    assert (end.usage, end.ttft_ms) == (Usage(source=UsageSource.ESTIMATED), None)
    run, _ = world.stored(living)
    assert (run.status, run.usage) == (MessageStatus.STOPPED, end.usage)
    assert world.ledger() == []


def test_a_stop_before_the_first_token_closes_the_upstream(make_world: MakeWorld) -> None:
    world = make_world([Event()])
    living = world.launch()
    reached(world)

    stopped(world, living)

    assert world.provider.journal == ["begin_turn", "called", "closed", "settle_turn"]
    assert [attempt.outcome for attempt in living.calls.booked] == [AttemptOutcome.CANCELLED]
    assert world.ledger()[0]["input_tokens"] > 0


def test_a_stop_in_the_stream_keeps_the_text_and_books_it(make_world: MakeWorld) -> None:
    world = make_world([Content("kept "), Content("words"), Event()])
    living = world.launch()
    reached(world)

    end = stopped(world, living)

    run, text = world.stored(living)
    assert (run.status, run.finish_reason, text) == (
        MessageStatus.STOPPED,
        FinishReason.STOPPED,
        "kept words",
    )
    assert end.usage.output_tokens > 0
    assert end.ttft_ms is not None
    assert world.provider.journal == ["begin_turn", "called", "closed", "settle_turn"]


def test_a_stop_after_the_end_changes_nothing(make_world: MakeWorld) -> None:
    world = make_world(said("all"))
    living = world.launch()
    first = world.story_of(living)
    world.wait()

    world.runner.end(living.run_id, Ending.STOPPED)
    gevent.sleep(0.01)

    assert world.story_of(living).events == first.events
    assert world.stored(living)[0].finish_reason is FinishReason.STOP


def test_a_stop_while_the_end_is_being_stored_changes_nothing(make_world: MakeWorld) -> None:
    world = make_world(said("all"), settle_seconds=5)
    world.runs.away.add("settle_turn")
    living = world.launch()
    with gevent.Timeout(10):
        while "settle_turn" not in world.provider.journal:
            gevent.sleep(0.005)
    world.runner.end(living.run_id, Ending.STOPPED)
    world.runs.away.clear()

    end = world.story_of(living).end

    assert isinstance(end, Done)
    assert end.finish_reason is FinishReason.STOP


def test_an_answer_that_ended_well_at_the_same_moment_ended_well(make_world: MakeWorld) -> None:
    world = make_world(said("all"))
    living = world.launch()
    while not living.calls.booked:
        gevent.sleep(0)
    living.end(Ending.STOPPED)
    end = world.story_of(living).end
    assert isinstance(end, Done)
    assert end.finish_reason is FinishReason.STOP


@pytest.mark.parametrize(
    ("first", "second"),
    [(Ending.STOPPED, Ending.INTERRUPTED), (Ending.INTERRUPTED, Ending.STOPPED)],
)
def test_of_two_endings_the_first_counts(
    make_world: MakeWorld, first: Ending, second: Ending
) -> None:
    world = make_world([Content("a"), Event()])
    living = world.launch()
    reached(world)
    living.end(first)
    living.end(second)
    world.wait()
    assert world.stored(living)[0].status.value == first.value


def test_an_interrupted_run_says_so_and_can_be_tried_again(make_world: MakeWorld) -> None:
    world = make_world([Content("a"), Event()])
    living = world.launch()
    reached(world)
    world.runner.end_all(Ending.INTERRUPTED)

    end = world.story_of(living).end

    assert isinstance(end, Error)
    assert (end.code, end.retryable, end.persisted) == ("interrupted", True, True)
    assert world.stored(living)[0].status is MessageStatus.INTERRUPTED


def test_a_run_that_is_launched_after_all_were_ended_ends_too(make_world: MakeWorld) -> None:
    world = make_world([Event()])
    world.runner.end_all(Ending.INTERRUPTED)
    end = world.story_of(world.launch()).end
    assert isinstance(end, Error)
    assert end.code == "interrupted"


def test_a_lost_run_is_left_to_its_new_owner(make_world: MakeWorld) -> None:
    world = make_world([Content("a"), Event()])
    living = world.launch()
    events = world.follow(living)
    reached(world)
    world.runner.end(living.run_id, Ending.LOST)

    story = read_to_the_end(events)

    assert (story.text, story.terminals) == ("a", [])
    assert world.provider.journal == ["begin_turn", "called", "closed"]
    assert world.stored(living)[0].is_active
    assert world.log.reader(living.run_id) is None


def test_ending_a_run_that_does_not_live_here_does_nothing(make_world: MakeWorld) -> None:
    world = make_world(said("all"))
    world.runner.end("another", Ending.STOPPED)
    assert "another" not in world.runner


def test_waiting_covers_runs_that_are_launched_meanwhile(make_world: MakeWorld) -> None:
    world = make_world([0.05, *said("a")])
    world.launch()
    late = gevent.spawn_later(0.02, world.launch)
    assert world.runner.wait_until_idle(5)
    living = late.value
    assert living is not None
    assert world.stored(living)[0].status is MessageStatus.COMPLETE


def test_waiting_tells_when_it_was_too_long(make_world: MakeWorld) -> None:
    world = make_world([Event()])
    world.launch()
    assert not world.runner.wait_until_idle(0.02)
    assert not world.runner.wait_until_idle(0)
    assert len(world.runner) == 1


def test_a_run_is_counted_while_it_lives_and_when_it_ends(make_world: MakeWorld) -> None:
    world = make_world([Content("a"), Event()])
    living = world.launch()
    reached(world)
    assert b"charla_runs_active 1.0" in world.metrics.render()
    stopped(world, living)
    world.wait()
    told = world.metrics.render().decode()
    assert "charla_runs_active 0.0" in told
    assert 'charla_runs_total{provider="scripted",reason="stopped"} 1.0' in told

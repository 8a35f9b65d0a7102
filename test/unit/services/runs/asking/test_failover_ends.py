"""How a run ends that asked several models, and what is booked for it."""

import gevent
import pytest
from gevent.event import Event
from subjects.failover import ONE_TRY, booked, failing, failovers
from worlds.played import PlayedProvider
from worlds.run_world import MakeWorld, quick, said

from services.domain.costs import Usage
from services.domain.events import Content, Error
from services.runs.asking.retries import RetryRules
from services.runs.living.run import Ending, Living


def test_after_the_first_word_nobody_else_is_asked(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("again"), name="other")
    world = make_world([Content("first"), failing("upstream_cut")], others=[other])

    story = world.story_of(world.launch())

    assert isinstance(story.end, Error)
    assert (story.text, other.requests) == ("first", [])


@pytest.mark.parametrize("second", ["upstream_rate_limited", "model_not_found"])
def test_where_all_fail_the_failure_of_the_model_that_was_asked_for_is_told(
    make_world: MakeWorld, second: str
) -> None:
    others = [
        PlayedProvider([failing(second, may_retry=False)], name="second"),
        PlayedProvider([failing("upstream_cut")], name="third"),
    ]
    world = make_world([failing()], others=others, rules=ONE_TRY)

    story = world.story_of(world.launch())

    assert isinstance(story.end, Error)
    assert (story.end.code, story.end.retryable) == ("upstream_overloaded", True)
    assert [(one["provider"], one["code"]) for one in failovers(story)] == [
        ("second", "upstream_overloaded"),
        ("third", second),
    ]
    assert [row[2] for row in booked(world)] == ["upstream_overloaded", second, "upstream_cut"]


def test_an_answer_of_another_model_that_breaks_off_fails_for_that(make_world: MakeWorld) -> None:
    other = PlayedProvider([Content("half"), failing("upstream_cut")], name="other")
    world = make_world([failing()], others=[other], rules=ONE_TRY)

    story = world.story_of(world.launch())

    assert isinstance(story.end, Error)
    assert (story.end.code, story.text) == ("upstream_cut", "half")


def test_a_stop_between_two_models_ends_the_run(make_world: MakeWorld) -> None:
    other = PlayedProvider([Event()], name="other")
    world = make_world([failing()], others=[other], rules=ONE_TRY)
    living: Living = world.launch()
    with gevent.Timeout(10):
        other.is_reached.wait()

    world.runner.end(living.run_id, Ending.STOPPED)
    world.wait()

    run, _ = world.stored(living)
    assert run.status == "stopped"
    assert booked(world)[1][:3] == ("other", "cancelled", "stopped")


def test_usage_of_all_calls_is_told_together(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("b"), name="other")
    world = make_world([failing()], others=[other], rules=ONE_TRY)

    end = world.story_of(world.launch()).end

    assert end.usage == Usage(input_tokens=10, output_tokens=2)


def test_words_that_came_are_paid_for_whatever_the_failure_after_them(
    make_world: MakeWorld,
) -> None:
    world = make_world([Content("half"), failing("upstream_overloaded")])

    world.story_of(world.launch())

    [row] = world.ledger()
    assert row["input_tokens"] > 0
    assert row["output_tokens"] > 0


def test_a_run_that_is_over_its_time_asks_nobody_else(make_world: MakeWorld) -> None:
    slow = RetryRules(retries=2, min_seconds=60, max_seconds=60, retry_after_max=120)
    other = PlayedProvider(said("late"), name="other")
    world = make_world([failing()], others=[other], rules=slow)

    end = world.story_of(world.launch(quick(run=0.1))).end

    assert isinstance(end, Error)
    assert "in all" in end.message
    assert other.requests == []

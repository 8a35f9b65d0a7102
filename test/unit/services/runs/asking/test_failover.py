"""Another model answers where the first one cannot, and nothing is ever told twice."""

import time

import gevent
import pytest
from gevent.event import Event
from worlds.played import PlayedProvider
from worlds.run_world import USAGE, MakeWorld, RunWorld, Story, quick, said

from services.admission.breakers.base import BreakerState, Verdict
from services.domain.costs import Usage
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.domain.events import Attempt, Content, Done, Error, Status, StatusState
from services.runs.asking.retries import RetryRules
from services.runs.living.run import Ending, Living

ONE_TRY = RetryRules(retries=0, min_seconds=0, max_seconds=0, retry_after_max=120)
TWO_TRIES = RetryRules(retries=1, min_seconds=0, max_seconds=0.01, retry_after_max=120)


def failing(code: str = "upstream_overloaded", *, may_retry: bool = True) -> ProviderError:
    """Fail in a way."""
    return ProviderError("No.", code=FailureCode(code), may_retry=may_retry)


def failovers(story: Story) -> list[dict[str, object]]:
    """Give what readers were told of other models."""
    return [
        dict(event.detail)
        for _, event in story.events
        if isinstance(event, Status) and event.state is StatusState.FAILOVER
    ]


def booked(world: RunWorld) -> list[tuple[object, ...]]:
    """Give the ledger's calls: provider, outcome, code, tokens out."""
    return [
        (row["provider"], row["outcome"], row["code"], row["output_tokens"])
        for row in world.ledger()
    ]


@pytest.mark.parametrize(
    "code",
    [
        "upstream_overloaded",
        "upstream_rate_limited",
        "upstream_unreachable",
        "upstream_timeout",
        "upstream_cut",
        "upstream_protocol",
        "upstream_unauthorized",
    ],
)
def test_a_model_that_cannot_answer_is_followed_by_the_next(
    make_world: MakeWorld, code: str
) -> None:
    other = PlayedProvider(said("from the other"), name="other")
    world = make_world([failing(code)], others=[other], rules=ONE_TRY)

    story = world.story_of(world.launch())

    end = story.end
    assert isinstance(end, Done)
    assert (end.provider, story.text) == ("other", "from the other")
    assert failovers(story) == [{"provider": "other", "model": "large", "code": code}]


def test_the_switch_is_numbered_and_the_calls_are_on_record(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("b"), name="other")
    world = make_world([failing()], others=[other], rules=TWO_TRIES)
    living = world.launch()

    story = world.story_of(living)
    run, text = world.stored(living)

    log = world.log.reader(living.run_id)
    assert log is not None
    written = log.after(0)
    assert written is not None
    kinds = [type(event) for event in written.events]
    assert kinds[1:5] == [Attempt, Status, Attempt, Content]
    assert [(call.number, call.provider) for call in living.calls.made] == [
        (1, "scripted"),
        (2, "scripted"),
        (3, "other"),
    ]
    assert booked(world) == [
        ("scripted", "failed", "upstream_overloaded", 0),
        ("scripted", "failed", "upstream_overloaded", 0),
        ("other", "ok", "", USAGE.output_tokens),
    ]
    assert (run.provider, run.model, text) == ("other", "large", "b")
    assert [one.provider for one in run.attempts] == ["scripted", "scripted", "other"]
    assert isinstance(story.end, Done)


def test_a_model_that_we_chose_and_that_is_not_there_is_followed_by_the_next(
    make_world: MakeWorld,
) -> None:
    other = PlayedProvider(said("ok"), name="other")
    gone = failing("model_not_found", may_retry=False)
    world = make_world([gone], others=[other], is_named=False)

    story = world.story_of(world.launch())

    assert story.text == "ok"
    assert failovers(story)[0]["code"] == "model_not_found"


@pytest.mark.parametrize("code", ["model_not_found", "upstream_rejected"])
def test_what_is_the_requests_own_fault_is_not_asked_of_another_model(
    make_world: MakeWorld, code: str
) -> None:
    other = PlayedProvider(said("no"), name="other")
    world = make_world([failing(code, may_retry=False)], others=[other])

    end = world.story_of(world.launch()).end

    assert isinstance(end, Error)
    assert end.code == code
    assert other.requests == []


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


def test_a_model_that_says_nothing_leaves_the_next_one_time(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("in time"), name="other")
    world = make_world([Event()], others=[other])

    story = world.story_of(world.launch(quick(first_token=0.4)))

    assert story.text == "in time"
    assert failovers(story)[0]["code"] == "upstream_timeout"
    assert [row[2] for row in booked(world)] == ["upstream_timeout", ""]


def test_a_silence_is_not_waited_for_twice_where_another_model_could_be_asked(
    make_world: MakeWorld,
) -> None:
    other = PlayedProvider(said("ok"), name="other")
    world = make_world([ProviderTimeout("Silent.")], others=[other], rules=TWO_TRIES)

    world.story_of(world.launch())

    assert len(world.provider.requests) == 1


def test_a_provider_that_asks_for_a_long_pause_is_left_at_once(make_world: MakeWorld) -> None:
    busy = ProviderError("x", code=FailureCode.RATE_LIMITED, may_retry=True, retry_after=60)
    other = PlayedProvider(said("ok"), name="other")
    world = make_world([busy], others=[other], rules=TWO_TRIES)
    started = time.monotonic()

    assert world.story_of(world.launch()).text == "ok"
    assert time.monotonic() - started < 10


def test_a_failing_model_is_left_alone_until_one_probe_says_that_it_is_back(
    make_world: MakeWorld,
) -> None:
    other = PlayedProvider(said("b"), name="other")
    script = [[failing()]] * 5
    world = make_world(*script, said("a"), others=[other], rules=ONE_TRY, breaker_seconds=0.2)
    for _ in range(5):
        world.story_of(world.launch())
    asked = len(world.provider.requests)

    skipped = world.story_of(world.launch())
    assert len(world.provider.requests) == asked == 5
    assert failovers(skipped) == [{"provider": "other", "model": "large", "code": "circuit_open"}]
    assert [row[0] for row in booked(world)][-1] == "other"

    with gevent.Timeout(10):
        while world.breakers.state("scripted", "large") is BreakerState.OPEN:
            gevent.sleep(0.01)
    assert world.story_of(world.launch()).text == "a"
    assert world.breakers.state("scripted", "large") is BreakerState.CLOSED


def test_a_failing_model_is_asked_all_the_same_where_there_is_no_other(
    make_world: MakeWorld,
) -> None:
    world = make_world(*[[failing()]] * 6, said("back"), rules=ONE_TRY, breaker_seconds=60)
    for _ in range(6):
        assert isinstance(world.story_of(world.launch()).end, Error)

    assert world.story_of(world.launch()).text == "back"


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


def test_a_breaker_that_opens_between_two_tries_hides_no_failure(make_world: MakeWorld) -> None:
    other = PlayedProvider([failing("upstream_rejected", may_retry=False)], name="second")
    third = PlayedProvider([failing("upstream_cut")], name="third")
    world = make_world([failing()], others=[other, third], rules=TWO_TRIES)
    for _ in range(4):
        world.breakers.failed("scripted", "large")

    story = world.story_of(world.launch())

    assert isinstance(story.end, Error)
    assert story.end.code == "upstream_overloaded"
    assert [one["code"] for one in failovers(story)] == ["upstream_overloaded", "upstream_rejected"]
    assert len(world.provider.requests) == 1


def test_a_failing_model_without_any_other_is_asked_again_as_often_as_any(
    make_world: MakeWorld,
) -> None:
    other = PlayedProvider(said("no"), name="other")
    world = make_world([failing()], [failing()], said("back"), others=[other])
    for provider in ("scripted", "other"):
        for _ in range(5):
            world.breakers.failed(provider, "large")

    assert world.story_of(world.launch()).text == "back"
    assert (len(world.provider.requests), other.requests) == (3, [])


def test_where_others_probe_all_models_one_is_asked_all_the_same(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("b"), name="other")
    world = make_world(said("a"), others=[other], breaker_seconds=0.05)
    for provider in ("scripted", "other"):
        for _ in range(5):
            world.breakers.failed(provider, "large")
    gevent.sleep(0.1)
    for provider in ("scripted", "other"):
        assert world.breakers.admit(provider, "large") is Verdict.PROBE

    assert world.story_of(world.launch()).text in ("a", "b")


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

"""Another model answers if the first cannot, and nothing is ever told twice."""

import time

import pytest
from gevent.event import Event
from subjects.failover import ONE_TRY, TWO_TRIES, booked, failing, failovers
from worlds.played import PlayedProvider
from worlds.run_world import USAGE, MakeWorld, quick, said

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError, ProviderTimeout
from services.domain.events import Attempt, Content, Done, Error, Status


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

"""Two models are asked; the first that speaks answers, the other is cancelled and booked."""

import gevent
import pytest
from gevent.event import Event
from subjects.hedging import BUSY, NEVER_SOON, SOON, rows_of
from worlds.held_admission import held_pair
from worlds.played import PlayedProvider
from worlds.run_world import MakeWorld, RunWorld, quick, said

from services.domain.costs import UsageSource
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Done, Error, Finish, Status
from services.domain.sessions import FinishReason
from services.runs.living.run import Living


def test_a_slow_first_model_is_overtaken_and_paid_for(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("quick"), name="other")
    world = make_world([Event()], others=[other], hedge_seconds=SOON)
    living = world.launch()

    story = world.story_of(living)
    world.wait()

    end = story.end
    assert isinstance(end, Done)
    assert (end.provider, story.text) == ("other", "quick")
    assert rows_of(world) == [("scripted", "cancelled", "hedged"), ("other", "ok", "")]
    lost = world.ledger()[0]
    assert lost["input_tokens"] > 0
    assert lost["usage_source"] == UsageSource.ESTIMATED
    assert [e.detail for _, e in story.events if isinstance(e, Status)] == [
        {"provider": "other", "model": "large", "code": "hedged"}
    ]
    assert world.provider.journal.count("closed") == 1


def test_a_first_model_that_speaks_in_time_is_asked_alone(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("no"), name="other")
    world = make_world(said("alone"), others=[other], hedge_seconds=NEVER_SOON)

    assert world.story_of(world.launch()).text == "alone"
    assert other.requests == []


def test_the_first_model_may_still_win_after_the_second_was_asked(make_world: MakeWorld) -> None:
    speaks = Event()
    other = PlayedProvider([Event()], name="other")
    script = [speaks, Content("first"), Finish(FinishReason.STOP)]
    world = make_world(script, others=[other], hedge_seconds=SOON)
    living = world.launch()
    with gevent.Timeout(10):
        other.is_reached.wait()
    speaks.set()

    story = world.story_of(living)
    world.wait()

    assert story.text == "first"
    assert isinstance(story.end, Done)
    assert story.end.provider == "scripted"
    assert not [e for _, e in story.events if isinstance(e, Status)]
    assert rows_of(world) == [("scripted", "ok", ""), ("other", "cancelled", "hedged")]
    assert other.journal == ["called", "closed"]


def test_a_first_model_that_fails_is_not_waited_for(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("b"), name="other")
    world = make_world([BUSY], others=[other], hedge_seconds=NEVER_SOON)

    assert world.story_of(world.launch()).text == "b"


def test_where_both_fail_the_next_of_the_chain_is_asked(make_world: MakeWorld) -> None:
    others = [PlayedProvider([BUSY], name="second"), PlayedProvider(said("c"), name="third")]
    world = make_world([BUSY], others=others, hedge_seconds=SOON)

    assert world.story_of(world.launch()).text == "c"


def test_where_all_fail_the_run_fails(make_world: MakeWorld) -> None:
    other = PlayedProvider([BUSY], name="other")
    world = make_world([BUSY], others=[other], hedge_seconds=SOON)

    end = world.story_of(world.launch()).end

    assert isinstance(end, Error)
    assert end.code == "upstream_overloaded"


def told(world: RunWorld, living: Living) -> list[object]:
    """Give what readers were told about which model answers."""
    story = world.story_of(living)
    return [e.detail["code"] for _, e in story.events if isinstance(e, Status)]


@pytest.mark.parametrize("code", ["model_not_found", "upstream_rejected"])
def test_a_request_that_the_first_model_rejects_is_not_asked_of_another(
    make_world: MakeWorld, code: str
) -> None:
    others = [PlayedProvider(said("no"), name="second"), PlayedProvider(said("no"), name="third")]
    world = make_world(
        [ProviderError("No.", code=FailureCode(code))], others=others, hedge_seconds=NEVER_SOON
    )

    end = world.story_of(world.launch()).end

    assert isinstance(end, Error)
    assert end.code == code
    assert not others[0].requests
    assert not others[1].requests


def test_a_rejection_after_the_second_was_asked_is_final_too(make_world: MakeWorld) -> None:
    goes_on = Event()
    others = [PlayedProvider([Event()], name="second"), PlayedProvider(said("no"), name="third")]
    others[0] = PlayedProvider([goes_on, BUSY], name="second")
    rejected = ProviderError("No.", code=FailureCode.REJECTED)
    world = make_world([goes_on, rejected], others=others, hedge_seconds=SOON)
    living = world.launch()
    with gevent.Timeout(10):
        others[0].is_reached.wait()
    goes_on.set()

    end = world.story_of(living).end

    assert isinstance(end, Error)
    assert end.code == "upstream_rejected"
    assert not others[1].requests


def test_a_switch_after_a_failure_names_it(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("b"), name="other")
    world = make_world([BUSY], others=[other], hedge_seconds=NEVER_SOON)
    assert told(world, world.launch()) == ["upstream_overloaded"]


def test_a_first_model_that_is_left_alone_is_passed_over(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("b"), name="other")
    world = make_world(said("a"), others=[other], hedge_seconds=NEVER_SOON)
    open_breaker(world, "scripted")
    assert told(world, world.launch()) == ["circuit_open"]
    assert not world.provider.requests


def test_where_both_are_left_alone_the_first_is_asked(make_world: MakeWorld) -> None:
    other = PlayedProvider(said("b"), name="other")
    world = make_world(said("a"), others=[other], hedge_seconds=NEVER_SOON)
    open_breaker(world, "scripted")
    open_breaker(world, "other")
    assert world.story_of(world.launch()).text == "a"


def open_breaker(world: RunWorld, provider: str) -> None:
    """Have a model fail again and again."""
    for _ in range(5):
        world.breakers.failed(provider, "large")


def test_a_pair_that_says_nothing_has_failed_for_that(make_world: MakeWorld) -> None:
    held = held_pair(make_world, PlayedProvider([Event()], name="other"), [Event()])
    world = held.world

    end = world.story_of(world.launch(quick(run=0.2))).end

    assert isinstance(end, Error)
    assert end.code == "upstream_timeout"
    assert {row[1:] for row in rows_of(world)} == {("failed", "upstream_timeout")}
    assert sorted(held.breakers.told) == [("other", "failed"), ("scripted", "failed")]
    assert not held.quotas.on_their_way

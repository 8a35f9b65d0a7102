"""Two models are asked; the first that speaks answers, the other is cancelled and booked."""

import gevent
from gevent.event import Event
from played import PlayedProvider
from run_world import MakeWorld, RunWorld, said

from services.domain.costs import UsageSource
from services.domain.errors import ProviderError
from services.domain.events import Content, Done, Error, Finish, Status
from services.domain.sessions import FinishReason
from services.runs.living import Ending

SOON, NEVER_SOON = 0.03, 60.0
BUSY = ProviderError("Busy.", code="upstream_overloaded", may_retry=True)


def rows_of(world: RunWorld) -> list[tuple[object, ...]]:
    """Give the calls as the ledger has them."""
    return [(row["provider"], row["outcome"], row["code"]) for row in world.ledger()]


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


def test_a_stop_during_the_race_cancels_both(make_world: MakeWorld) -> None:
    other = PlayedProvider([Event()], name="other")
    world = make_world([Event()], others=[other], hedge_seconds=SOON)
    living = world.launch()
    with gevent.Timeout(10):
        other.is_reached.wait()

    world.runner.end(living.run_id, Ending.STOPPED)
    world.wait()

    assert rows_of(world) == [
        ("scripted", "cancelled", "stopped"),
        ("other", "cancelled", "stopped"),
    ]
    assert world.provider.journal.count("closed") == other.journal.count("closed") == 1


def test_no_word_of_the_loser_gets_into_the_answer(make_world: MakeWorld) -> None:
    together = Event()
    other = PlayedProvider([together, *said("BBB", "BBB")], name="other")
    world = make_world([together, *said("AAA", "AAA")], others=[other], hedge_seconds=SOON)
    living = world.launch()
    with gevent.Timeout(10):
        other.is_reached.wait()
    together.set()

    story = world.story_of(living)
    world.wait()

    assert story.text in ("AAAAAA", "BBBBBB")
    assert {row[2] for row in rows_of(world)} == {"", "hedged"}

"""Two models are asked; the first that speaks answers, the other is cancelled and booked."""

from collections.abc import Generator

import gevent
import pytest
from gevent.event import Event
from worlds.held_admission import HeldQuotas, Hold, held_pair
from worlds.played import PlayedProvider
from worlds.run_world import MakeWorld, RunWorld, quick, said

from services.admission.quotas.base import Quota
from services.domain.costs import UsageSource
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Done, Error, Finish, ProviderEvent, Status
from services.domain.sessions import FinishReason
from services.providers.base import ProviderRequest
from services.runs.living.run import Ending, Living

SOON, NEVER_SOON = 0.03, 60.0
BUSY = ProviderError("Busy.", code=FailureCode.OVERLOADED, may_retry=True)


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


class _Lingering(PlayedProvider):
    """Does not come to an end of closing its upstream."""

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        try:
            yield from super().stream(request)
        finally:
            Event().wait()


def told(world: RunWorld, living: Living) -> list[object]:
    """Give what readers were told of who answers."""
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


@pytest.mark.parametrize("is_together", [True, False])
def test_who_listens_to_the_first_word_does_not_wait_for_the_end_of_the_other(
    make_world: MakeWorld, *, is_together: bool
) -> None:
    speaks = Event()
    other = _Lingering([speaks if is_together else Event(), *said("b")], name="other")
    world = make_world([speaks, *said("a")], others=[other], hedge_seconds=SOON)
    living = world.launch(quick(content=0.5))
    with gevent.Timeout(10):
        other.is_reached.wait()
    speaks.set()

    story = world.story_of(living)

    assert (story.text, isinstance(story.end, Done)) == ("a", True)
    world.wait()
    assert rows_of(world) == [("scripted", "ok", ""), ("other", "cancelled", "hedged")]


def test_what_the_loser_did_not_use_is_given_back(make_world: MakeWorld) -> None:
    speaks = Event()
    other = PlayedProvider([Event()], name="other")
    held = held_pair(make_world, other, [speaks, *said("a")])
    living = held.world.launch()
    with gevent.Timeout(10):
        other.is_reached.wait()
    speaks.set()
    held.world.story_of(living)
    held.world.wait()
    held.wait_until_both_told()

    assert max(held.quotas.corrected.values()) <= 12
    assert (held.quotas.on_their_way, +held.breakers.out) == (set(), {})


def test_both_that_speak_at_once_are_closed_and_told(make_world: MakeWorld) -> None:
    together = Event()
    other = PlayedProvider([together, *said("B")], name="other")
    held = held_pair(make_world, other, [together, *said("A")])
    living = held.world.launch()
    with gevent.Timeout(10):
        other.is_reached.wait()
    together.set()
    held.world.story_of(living)
    held.world.wait()
    held.wait_until_both_told()

    assert held.world.provider.journal.count("closed") == other.journal.count("closed") == 1
    assert (held.quotas.on_their_way, +held.breakers.out) == (set(), {})


def test_a_loser_that_speaks_while_it_is_ended_is_closed_and_told(make_world: MakeWorld) -> None:
    speaks = Event()
    other = PlayedProvider([Event()], name="other")
    held = held_pair(make_world, other, [speaks, *said("A")], holds="succeeded")
    living = held.world.launch()
    with gevent.Timeout(10):
        other.is_reached.wait()
    speaks.set()
    with gevent.Timeout(10):
        held.hold.is_reached.wait()
    held.hold.lets_go.set()
    assert held.world.story_of(living).text == "A"
    held.world.wait()
    assert +held.breakers.out == {}


def test_a_stop_at_the_moment_of_the_first_word_is_a_stop(make_world: MakeWorld) -> None:
    together = Event()
    other = PlayedProvider([together, *said("B")], name="other")
    world = make_world([together, *said("A")], others=[other], hedge_seconds=SOON)
    living = world.launch()
    with gevent.Timeout(10):
        other.is_reached.wait()
    together.set()
    world.runner.end(living.run_id, Ending.STOPPED)
    world.wait()

    assert {row[2] for row in rows_of(world)} <= {"stopped"}
    assert world.stored(living)[0].status == "stopped"


def test_an_answer_tells_nobody_any_more_that_the_other_call_waits(make_world: MakeWorld) -> None:
    speaks, ends = Event(), Event()
    quotas = HeldQuotas(Hold(), {"other": Quota(requests=1)})
    other = PlayedProvider([Event()], name="other")
    script = [speaks, Content("a"), ends, Finish(FinishReason.STOP)]
    world = make_world(script, others=[other], hedge_seconds=SOON, quotas=quotas)
    quotas.reserve("other", 1)
    living = world.launch()
    with gevent.Timeout(10):
        while not world.queue.waiting("other"):
            gevent.sleep(0.001)
    reader = world.log.reader(living.run_id)
    assert reader is not None
    assert reader.status() is not None
    speaks.set()
    with gevent.Timeout(10):
        while world.queue.waiting("other"):
            gevent.sleep(0.001)

    assert reader.status() is None
    ends.set()
    assert world.story_of(living).text == "a"
    assert other.requests == []


def test_the_time_limits_hold_while_only_the_other_call_waits(make_world: MakeWorld) -> None:
    quotas = HeldQuotas(Hold(), {"scripted": Quota(requests=1)})
    other = PlayedProvider([Event()], name="other")
    world = make_world(said("no"), others=[other], hedge_seconds=SOON, quotas=quotas)
    quotas.reserve("scripted", 1)

    end = world.story_of(world.launch(quick(first_token=0.2))).end

    assert isinstance(end, Error)
    assert end.code == "upstream_timeout"
    assert rows_of(world) == [("other", "failed", "upstream_timeout")]


def test_a_call_that_went_out_does_not_end_the_wait_of_the_other(make_world: MakeWorld) -> None:
    fails = Event()
    quotas = HeldQuotas(Hold(), {"scripted": Quota(requests=1)})
    other = PlayedProvider([fails, BUSY], name="other")
    world = make_world(said("no"), others=[other], hedge_seconds=SOON, quotas=quotas)
    quotas.reserve("scripted", 1)
    living = world.launch(quick(run=0.3))
    with gevent.Timeout(10):
        other.is_reached.wait()
    fails.set()
    gevent.sleep(0.6)

    assert living.run_id in world.runner

"""A race at its edges: patience in both lanes, a probe under way, a word at the last moment."""

from collections.abc import Generator

import gevent
from gevent.event import Event
from subjects.clock import Clock
from worlds.held_admission import held_pair
from worlds.played import PlayedProvider
from worlds.run_world import MakeWorld, quick, said
from worlds.stores import OTHER_WORKER

from services.admission.breakers.base import BreakerRules, Verdict
from services.admission.breakers.local import LocalBreakers
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Error, ProviderEvent
from services.providers.base import ProviderRequest

SOON = 0.03


def test_two_that_say_nothing_leave_the_third_one_time(make_world: MakeWorld) -> None:
    others = [PlayedProvider([Event()], name="second"), PlayedProvider(said("c"), name="third")]
    world = make_world([Event()], others=others, hedge_seconds=SOON)

    assert world.story_of(world.launch(quick(first_token=1))).text == "c"


def test_a_failure_is_told_and_not_that_the_other_one_is_probed(make_world: MakeWorld) -> None:
    cut = ProviderError("Cut.", code=FailureCode.CUT)
    other = PlayedProvider([cut], name="other")
    clock = Clock()
    breakers = LocalBreakers(BreakerRules(open_seconds=30), clock)
    world = make_world(said("no"), others=[other], hedge_seconds=60.0, breakers=breakers)
    for _ in range(5):
        world.breakers.failed("scripted", "large")
    clock.now += 30
    assert world.breakers.admit("scripted", "large") is Verdict.PROBE

    end = world.story_of(world.launch()).end

    assert isinstance(end, Error)
    assert end.code == "upstream_cut"
    assert world.provider.requests == []


class _Prompting(PlayedProvider):
    """Has the other call speak after its own first word, before that call is told to end."""

    prompts: Event

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        for event in super().stream(request):
            loop = gevent.get_hub().loop
            loop.run_callback(loop.run_callback, self.prompts.set)
            yield event


def test_a_loser_that_speaks_before_its_end_is_told_to_it_is_closed_and_booked(
    make_world: MakeWorld,
) -> None:
    speaks = Event()
    first = _Prompting([speaks, *said("a")])
    first.prompts = Event()
    other = PlayedProvider([first.prompts, *said("b")], name="other")
    held = held_pair(make_world, other, provider=first)
    world = held.world
    living = world.launch()
    with gevent.Timeout(10):
        other.is_reached.wait()
    speaks.set()

    assert world.story_of(living).text == "a"
    world.wait()
    held.wait_until_both_told()
    assert [row["code"] for row in world.ledger()] == ["", "hedged"]
    assert held.breakers.told == [("scripted", "succeeded"), ("other", "succeeded")]
    assert other.journal == ["called", "closed"]


def test_a_worker_that_dies_after_a_race_leaves_the_text_to_the_one_that_wrote_it(
    make_world: MakeWorld,
) -> None:
    speaks = Event()
    other = PlayedProvider([Event()], name="other")
    dead = make_world([speaks, Content("a" * 40), Event()], others=[other], hedge_seconds=SOON)
    dead.launch()
    with gevent.Timeout(10):
        other.is_reached.wait()
        dead.beat.beat()
        dead.provider.is_reached.clear()
        speaks.set()
        dead.provider.is_reached.wait()
    dead.beat.beat()

    make_world(worker_id=OTHER_WORKER).reap_all_others()

    first, second = dead.ledger()
    booked = [(row["outcome"], row["code"], row["output_tokens"]) for row in (first, second)]
    assert booked == [("failed", "interrupted", 10), ("cancelled", "hedged", 0)]
    assert first["input_tokens"] == second["input_tokens"] > 0

"""What becomes of the call that lost the race: closed, booked, given back, and not heard."""

from collections.abc import Generator

import gevent
import pytest
from gevent.event import Event
from subjects.hedging import SOON, rows_of
from worlds.held_admission import held_pair
from worlds.played import PlayedProvider
from worlds.run_world import MakeWorld, quick, said

from services.domain.events import Done, ProviderEvent
from services.providers.base import ProviderRequest
from services.runs.living.run import Ending


class _Lingering(PlayedProvider):
    """Never finishes closing its upstream."""

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        try:
            yield from super().stream(request)
        finally:
            Event().wait()


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

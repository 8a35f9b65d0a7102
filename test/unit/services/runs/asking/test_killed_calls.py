"""A call that is ended at any of its waits is closed, booked once, and told to all that count."""

import time
from collections.abc import Generator

import gevent
import pytest
from gevent.event import Event
from worlds.held_admission import HeldBreakers, HeldQuotas, Hold
from worlds.played import PlayedProvider, Step
from worlds.run_world import MakeWorld, RunWorld, quick, said

from services.admission.quotas.base import Quota, Reservation
from services.admission.quotas.local import LocalQuotas
from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Done, Error, ProviderEvent
from services.domain.sessions import FinishReason
from services.providers.base import ProviderRequest
from services.runs.asking.attempts import Attempts
from services.runs.asking.retries import RetryRules
from services.runs.living.run import Ending, Living

BUSY = ProviderError("Busy.", code=FailureCode.OVERLOADED, may_retry=True)
ONE_TRY = RetryRules(retries=0, min_seconds=0, max_seconds=0, retry_after_max=120)


class _Desk:
    """A world whose quotas and breakers hold up the caller that tells them something."""

    def __init__(self, make_world: MakeWorld, what: str, *scripts: list[Step]) -> None:
        self.hold = Hold(what)
        self.quotas = HeldQuotas(self.hold)
        self.breakers = HeldBreakers(self.hold)
        self.world: RunWorld = make_world(
            *scripts, quotas=self.quotas, breakers=self.breakers, rules=ONE_TRY
        )

    def stopped_there(self) -> Living:
        """Stop a run while it is held up."""
        living = self.world.launch()
        with gevent.Timeout(10):
            self.hold.is_reached.wait()
        self.world.runner.end(living.run_id, Ending.STOPPED)
        self.world.wait()
        return living


@pytest.mark.parametrize("what", ["arrived", "succeeded"])
def test_a_stop_just_after_the_first_piece_came_books_the_call(
    make_world: MakeWorld, what: str
) -> None:
    desk = _Desk(make_world, what, said("never", "read"))

    living = desk.stopped_there()

    assert [(row["outcome"], row["code"]) for row in desk.world.ledger()] == [
        ("cancelled", "stopped")
    ]
    assert desk.world.provider.journal.count("closed") == 1
    assert (desk.quotas.on_their_way, +desk.breakers.out) == (set(), {})
    assert desk.world.stored(living)[0].status == "stopped"
    assert len(desk.quotas.corrected) == 1


@pytest.mark.parametrize("what", ["arrived", "failed", "corrected"])
def test_a_stop_while_a_failure_is_told_books_the_call(make_world: MakeWorld, what: str) -> None:
    desk = _Desk(make_world, what, [BUSY])

    desk.stopped_there()

    assert [(row["outcome"], row["code"]) for row in desk.world.ledger()] == [
        ("failed", "upstream_overloaded")
    ]
    assert (desk.quotas.on_their_way, +desk.breakers.out) == (set(), {})
    assert len(desk.quotas.corrected) == 1


class _Lingering(PlayedProvider):
    """Says all, and never finishes closing its upstream."""

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        try:
            yield from super().stream(request)
        finally:
            self.is_reached.set()
            Event().wait()


@pytest.mark.parametrize("is_stopped", [True, False])
def test_an_answer_that_is_whole_is_booked_though_its_upstream_does_not_close(
    make_world: MakeWorld, *, is_stopped: bool
) -> None:
    world = make_world(provider=_Lingering(said("whole")))
    living = world.launch(quick(content=0.1))
    with gevent.Timeout(10):
        world.provider.is_reached.wait()
    if is_stopped:
        world.runner.end(living.run_id, Ending.STOPPED)

    story = world.story_of(living)
    world.wait()

    assert isinstance(story.end, Done)
    reason = FinishReason.STOPPED if is_stopped else FinishReason.STOP
    assert (story.text, story.end.finish_reason) == ("whole", reason)
    assert [row["outcome"] for row in world.ledger()] == ["ok"]


class _Broken(PlayedProvider):
    """Fails while it closes its upstream."""

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        try:
            yield from super().stream(request)
        finally:
            raise OSError("The connection is broken.")


def test_an_answer_that_is_whole_is_done_though_its_upstream_fails_to_close(
    make_world: MakeWorld,
) -> None:
    world = make_world(provider=_Broken(said("whole")))

    story = world.story_of(world.launch())

    assert isinstance(story.end, Done)
    assert [row["outcome"] for row in world.ledger()] == ["ok"]


def test_a_call_that_hangs_past_a_time_limit_has_failed_for_it(make_world: MakeWorld) -> None:
    class Clinging(PlayedProvider):
        def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
            self.requests.append(request)
            try:
                yield Content("half")
                Event().wait()
            finally:
                Event().wait()

    world = make_world(provider=Clinging(), close_seconds=0.05)

    end = world.story_of(world.launch(quick(content=0.1))).end

    assert isinstance(end, Error)
    assert end.code == "upstream_timeout"
    assert [(row["outcome"], row["code"]) for row in world.ledger()] == [
        ("failed", "upstream_timeout")
    ]


def test_a_run_that_waits_for_room_when_the_queue_closes_is_interrupted(
    make_world: MakeWorld,
) -> None:
    quotas = HeldQuotas(Hold(), {"scripted": Quota(requests=1)})
    world = make_world([Content("a"), Event()], quotas=quotas)
    first, second = world.launch(), world.launch()
    with gevent.Timeout(10):
        while not world.queue.waiting("scripted"):
            gevent.sleep(0.001)

    world.queue.close()
    end = world.story_of(second).end

    assert isinstance(end, Error)
    assert (end.code, end.retryable) == ("interrupted", True)
    world.runner.end(first.run_id, Ending.STOPPED)
    world.wait()
    assert [row["provider"] for row in world.ledger()] == ["scripted"]


def test_a_run_that_is_stopped_while_it_waits_for_room_has_made_no_call(
    make_world: MakeWorld,
) -> None:
    hold = Hold()
    quotas, breakers = HeldQuotas(hold, {"scripted": Quota(requests=1)}), HeldBreakers(hold)
    world = make_world([Content("a"), Event()], quotas=quotas, breakers=breakers)
    first, second = world.launch(), world.launch()
    with gevent.Timeout(10):
        while not world.queue.waiting("scripted"):
            gevent.sleep(0.001)

    world.runner.end(second.run_id, Ending.STOPPED)
    end = world.story_of(second).end

    assert isinstance(end, Done)
    assert end.finish_reason is FinishReason.STOPPED
    assert (second.calls.booked, world.queue.waiting("scripted")) == ([], 0)
    world.runner.end(first.run_id, Ending.STOPPED)
    world.wait()
    assert +breakers.out == {}


def test_who_waited_for_room_leaves_it_where_the_model_began_to_fail_meanwhile(
    make_world: MakeWorld,
) -> None:
    quotas, breakers = LocalQuotas({"scripted": Quota(requests=1)}, 0.3), HeldBreakers(Hold())
    other = PlayedProvider(said("b"), name="other")
    world = make_world(said("a"), others=[other], quotas=quotas, breakers=breakers)
    first = quotas.reserve("scripted", 1)
    assert isinstance(first, Reservation)
    quotas.arrived(first)
    living = world.launch()
    with gevent.Timeout(10):
        while not world.queue.waiting("scripted"):
            gevent.sleep(0.001)
    for _ in range(5):
        breakers.failed("scripted", "large")
    before = breakers.out["scripted"]

    story = world.story_of(living)

    assert (story.text, world.provider.requests) == ("b", [])
    assert breakers.out["scripted"] == before - 1
    assert quotas.left("scripted").requests == 1


def test_a_call_that_comes_too_late_is_not_made_and_gives_all_back(make_world: MakeWorld) -> None:
    hold = Hold()
    quotas, breakers = HeldQuotas(hold, {"scripted": Quota(requests=9)}), HeldBreakers(hold)
    world = make_world(said("no"), quotas=quotas, breakers=breakers)
    living = world.living(world.begin())
    living.seal()

    with pytest.raises(gevent.GreenletExit):
        Attempts(world.providers, world.gate).open(living, living.plan.first, is_last=True)

    assert (quotas.left("scripted").requests, +breakers.out) == (9, {})
    assert world.provider.requests == []


def test_a_wait_for_room_takes_none_of_the_time_for_the_answer(make_world: MakeWorld) -> None:
    quotas = HeldQuotas(Hold(), {"scripted": Quota(requests=1)})
    world = make_world([Content("a"), Event()], said("b"), quotas=quotas)
    world.launch()
    started = time.monotonic()
    second = world.launch(quick(run=0.05, first_token=0.05))
    gevent.sleep(0.2)

    assert second.run_id in world.runner
    assert second.clock.overdue() is None
    assert time.monotonic() - started >= 0.2

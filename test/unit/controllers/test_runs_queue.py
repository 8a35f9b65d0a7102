"""A start of a turn takes a place in a provider's queue, and must give it back."""

import gevent
import pytest
from gevent.event import Event
from subjects.run_desk import HELLO, RunDesk
from worlds.played import PlayedProvider
from worlds.run_world import PATIENCE_SECONDS, MakeWorld
from worlds.stores import KEY, LARGE, SMALL, new_session

from controllers.sessions import SessionDraft, SessionsController
from services.admission.quotas.base import Quota
from services.admission.quotas.local import LocalQuotas
from services.admission.waiting.burst_queue import Request
from services.domain.catalog import ModelChoice, Offers
from services.domain.errors.outages import StoreUnavailable
from services.domain.errors.requests import TooManyRequests
from services.domain.events import Error
from services.runs.asking.absences import Absences
from services.runs.asking.first_tokens import FirstTokens
from services.runs.asking.retries import RetryRules
from services.runs.asking.routing import Router, RoutingRules
from services.streams.base import LogWriter
from services.streams.memory import MemoryRunLog


def _queueing(make_world: MakeWorld, provider: str) -> RunDesk:
    """Have one call under way at a provider that takes one, and one place in its queue."""
    other = PlayedProvider([Event()], name="other")
    world = make_world(
        [Event()],
        others=[other],
        quotas=LocalQuotas({provider: Quota(requests=1)}, 60),
        queue_size=1,
    )
    offers = Offers([LARGE, SMALL, *other.models], LARGE, "scripted")
    world.router = Router(offers, RoutingRules(), world.breakers, FirstTokens(), Absences(600))
    world.queue.enter(request_of(provider))
    return RunDesk(world)


def request_of(provider: str) -> Request:
    """Describe a call that is to be made."""
    return Request(provider=provider, user_id="somebody", tokens=1, tell=lambda _: None)


def test_a_turn_that_was_not_begun_gives_its_place_in_the_queue_back(
    make_world: MakeWorld,
) -> None:
    desk = _queueing(make_world, "scripted")
    for _ in range(2):
        desk.world.runs.away.add("begin_turn")
        with pytest.raises(StoreUnavailable):
            desk.start()
        desk.world.runs.away.clear()
    first = desk.start(key=KEY)
    assert desk.start(key=KEY).run.id == first.run.id

    elsewhere = desk.world.store.sessions.create(new_session(desk.caller.user_id))
    with pytest.raises(TooManyRequests) as full:
        desk.runs.start(desk.caller, elsewhere.id, HELLO)

    assert full.value.code == "queue_full"
    assert desk.world.store.messages.branch(desk.caller.user_id, elsewhere.id, 9, None).items == []
    assert desk.start(key=KEY).replayed


def test_a_begun_turn_that_is_displaced_ends_with_an_error_that_says_so(
    make_world: MakeWorld,
) -> None:
    world = make_world(
        [Event()],
        quotas=LocalQuotas({"scripted": Quota(requests=1)}, 60),
        queue_size=2,
        rules=RetryRules(retries=0, min_seconds=0, max_seconds=0, retry_after_max=0),
    )
    world.queue.enter(request_of("scripted"))
    desk = RunDesk(world)
    begun = []
    for _ in range(2):
        session = world.store.sessions.create(new_session(desk.caller.user_id))
        begun.append(desk.runs.start(desk.caller, session.id, HELLO).run.id)
    with gevent.Timeout(PATIENCE_SECONDS):
        while world.queue.waiting("scripted") < 2:
            gevent.sleep(0.001)

    world.queue.hold("scripted", "newcomer")

    with gevent.Timeout(PATIENCE_SECONDS):
        while (run := world.store.runs.get(desk.caller.user_id, begun[1])).is_active:
            gevent.sleep(0.001)
    assert isinstance(run.terminal, Error)
    assert (run.terminal.code, run.terminal.retryable) == ("queue_full", True)
    assert "most of their places were yours" in run.terminal.message
    assert world.store.runs.get(desk.caller.user_id, begun[0]).is_active


class _BrokenLog(MemoryRunLog):
    def open(self, run_id: str, epoch: int) -> LogWriter:
        raise RuntimeError(run_id, epoch)


def test_a_run_that_cannot_be_launched_gives_its_place_in_the_queue_back(
    make_world: MakeWorld,
) -> None:
    desk = _queueing(make_world, "scripted")
    desk.world.log = _BrokenLog(900, 1 << 20)
    broken = RunDesk(desk.world)
    for _ in range(2):
        elsewhere = desk.world.store.sessions.create(new_session(broken.caller.user_id))
        with pytest.raises(RuntimeError):
            broken.runs.start(broken.caller, elsewhere.id, HELLO)


def test_a_replay_takes_no_place_in_the_queue(make_world: MakeWorld) -> None:
    desk = RunDesk(
        make_world([Event()], quotas=LocalQuotas({"scripted": Quota(requests=1)}, 60), queue_size=1)
    )
    first = desk.start(key=KEY)
    for _ in range(3):
        assert desk.start(key=KEY).run.id == first.run.id
    elsewhere = desk.world.store.sessions.create(new_session(desk.caller.user_id))

    assert not desk.runs.start(desk.caller, elsewhere.id, HELLO).replayed


def test_a_session_with_a_first_message_waits_for_the_provider_that_it_names(
    make_world: MakeWorld,
) -> None:
    desk = _queueing(make_world, "other")
    world = desk.world
    world.queue.hold("other", "a")
    other = world.fallbacks[0]
    sessions = SessionsController(world.store, Offers([other], other, "other"), desk.runs)
    draft = SessionDraft(
        title=None,
        system_prompt=None,
        choice=ModelChoice("other"),
        metadata={},
        initial_message="Hello",
    )

    with pytest.raises(TooManyRequests):
        sessions.create(desk.caller, draft)

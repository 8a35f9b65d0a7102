"""The use cases of a turn: admitted, begun, launched, stopped; limits are taken for begins only."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from gevent.event import Event
from worlds.played import PlayedProvider, Step
from worlds.run_world import LONG, MakeWorld, RunWorld, read_to_the_end, said
from worlds.stores import KEY, KEY_WITH_OTHER_BODY, LARGE, SMALL, new_id, new_session

from controllers.readers import Readers
from controllers.runs import RunParts, RunsController, Started, TurnDefaults, TurnRequest
from controllers.sessions import SessionDraft, SessionsController
from services.admission.quotas.base import Quota
from services.admission.quotas.local import LocalQuotas
from services.admission.turns import TurnAdmission
from services.admission.waiting.burst_queue import Request
from services.admission.windows.local import LocalWindows
from services.admission.windows.turn_limit import TurnLimit
from services.domain.catalog import ModelChoice, Offers
from services.domain.errors.conflicts import RunActive
from services.domain.errors.outages import Draining, StoreUnavailable, TooManyStreams
from services.domain.errors.requests import KeyReused, ModelNotAvailable, NotFound, TooManyRequests
from services.domain.limits import Limit
from services.domain.sessions import FinishReason
from services.domain.users import Caller, Role
from services.runs.asking.first_tokens import FirstTokens
from services.runs.asking.routing import Router, RoutingRules
from services.streams.follow import Followers, ReaderCaps

HELLO = TurnRequest(content="Hello", choice=ModelChoice())


class _Desk:
    """A controller on a world, and a caller with a session."""

    def __init__(self, world: RunWorld, limit: int = 5, streams: int = 10) -> None:
        self.world = world
        self.session = world.new_session()
        self.caller = Caller(
            user_id=self.session.user_id, tenant_id=new_id(), role=Role.MEMBER, login_id=new_id()
        )
        self.windows = LocalWindows()
        self.limits = [Limit(f"{limit} per hour", limit, 3600)]
        self.drain = world.drain(1)
        caps = ReaderCaps(streams=streams, per_run=32, per_user=64)
        followers = Followers(caps, 10, world.metrics)
        self.readers = Readers(world.runs, world.log, followers)
        self.runs = RunsController(self._parts(), self.readers)

    @property
    def left(self) -> int:
        """Give how many messages the user may send."""
        subject = f"ai:{self.caller.user_id}"
        return self.windows.look(subject, self.limits).tightest.remaining

    def _parts(self) -> RunParts:
        defaults = TurnDefaults(
            temperature=0.7,
            max_tokens=1000,
            context_messages=10,
            max_active_runs=None,
            times=LONG,
        )
        return RunParts(
            store=self.world.runs,
            log=self.world.log,
            runner=self.world.runner,
            drain=self.drain,
            providers=self.world.providers,
            router=self.world.router,
            admission=TurnAdmission(TurnLimit(self.windows, self.limits), self.world.queue),
            defaults=defaults,
            worker_id=self.world.worker_id,
        )

    def start(self, turn: TurnRequest = HELLO, key: Any = None) -> Started:
        return self.runs.start(self.caller, self.session.id, turn, key)

    def text_of(self, started: Started) -> str:
        return read_to_the_end(self.runs.follow(self.caller, started, lambda: True)).text


@pytest.fixture
def script() -> Sequence[Step]:
    """Say what the provider plays."""
    return said("all ", "well")


@pytest.fixture
def desk(make_world: MakeWorld, script: Sequence[Step]) -> _Desk:
    """Give a controller."""
    return _Desk(make_world(script))


def test_a_turn_is_begun_launched_and_read(desk: _Desk) -> None:
    started = desk.start()
    assert (started.replayed, desk.left) == (False, 4)
    assert desk.text_of(started) == "all well"
    desk.world.wait()
    run = desk.runs.get(desk.caller, started.run.id)
    assert run.finish_reason is FinishReason.STOP


def test_what_the_request_says_goes_upstream_and_defaults_where_it_is_silent(
    desk: _Desk,
) -> None:
    desk.text_of(desk.start())
    turn = replace(HELLO, temperature=0.0, max_tokens=7, choice=ModelChoice("scripted", "small"))
    desk.text_of(desk.start(turn))
    silent, said_so = desk.world.provider.requests
    assert (silent.temperature, silent.max_tokens, silent.model.name) == (0.7, 1000, "large")
    assert (said_so.temperature, said_so.max_tokens, said_so.model.name) == (0.0, 7, "small")


def test_the_same_key_gives_the_same_run_and_costs_nothing(desk: _Desk) -> None:
    first = desk.start(key=KEY)
    again = desk.start(key=KEY)
    assert (again.run.id, again.replayed, desk.left) == (first.run.id, True, 4)
    assert desk.text_of(first) == desk.text_of(again) == "all well"
    desk.world.wait()
    assert desk.start(key=KEY).run.id == first.run.id
    assert len(desk.world.provider.requests) == 1


def test_a_key_with_another_body_is_refused(desk: _Desk) -> None:
    desk.start(key=KEY)
    with pytest.raises(KeyReused):
        desk.start(key=KEY_WITH_OTHER_BODY)


def test_a_known_key_is_answered_though_the_limit_is_used_up(make_world: MakeWorld) -> None:
    desk = _Desk(make_world(said("all")), limit=1)
    first = desk.start(key=KEY)
    desk.text_of(first)
    assert desk.start(key=KEY).run.id == first.run.id
    with pytest.raises(TooManyRequests):
        desk.start()
    with pytest.raises(KeyReused):
        desk.start(key=KEY_WITH_OTHER_BODY)


def test_a_known_key_is_answered_while_the_server_drains(desk: _Desk) -> None:
    first = desk.start(key=KEY)
    desk.drain.finish()
    assert desk.start(key=KEY).run.id == first.run.id
    with pytest.raises(Draining):
        desk.start()


def test_a_begin_that_is_refused_costs_nothing(desk: _Desk) -> None:
    stranger = replace(desk.caller, user_id=new_id())
    with pytest.raises(NotFound):
        desk.runs.start(stranger, desk.session.id, HELLO)
    with pytest.raises(ModelNotAvailable):
        desk.start(replace(HELLO, choice=ModelChoice(None, "gpt-99")))
    desk.world.runs.away.add("begin_turn")
    with pytest.raises(StoreUnavailable):
        desk.start()
    assert desk.left == 5
    assert desk.world.provider.requests == []


def test_nothing_is_begun_where_nobody_could_read_it(make_world: MakeWorld) -> None:
    desk = _Desk(make_world([Event()]), streams=1)
    reading = desk.runs.follow(desk.caller, desk.start(), lambda: True)
    with pytest.raises(TooManyStreams):
        desk.start()
    reading.close()
    assert desk.world.provider.journal.count("begin_turn") == 1


@pytest.mark.parametrize("script", [[Event()]])
def test_a_busy_session_names_its_run(desk: _Desk) -> None:
    started = desk.start()
    with pytest.raises(RunActive) as refused:
        desk.start()
    assert refused.value.active_run_id == started.run.id
    assert desk.left == 4


@pytest.mark.parametrize("script", [[Event()]])
def test_a_stop_right_after_the_begin_ends_the_run(desk: _Desk) -> None:
    started = desk.start()
    desk.runs.stop(desk.caller, started.run.id)
    desk.world.wait()
    assert desk.runs.get(desk.caller, started.run.id).finish_reason is FinishReason.STOPPED


def test_a_stop_after_the_end_changes_nothing(desk: _Desk) -> None:
    started = desk.start()
    desk.world.wait()
    before = desk.runs.get(desk.caller, started.run.id)
    assert desk.runs.stop(desk.caller, started.run.id) == before
    assert desk.runs.get(desk.caller, started.run.id) == before


@pytest.mark.parametrize("script", [[Event()]])
def test_strangers_can_neither_stop_nor_read(desk: _Desk) -> None:
    run_id = desk.start().run.id
    stranger = replace(desk.caller, user_id=new_id())
    for deed in (
        lambda: desk.runs.stop(stranger, run_id),
        lambda: desk.runs.get(stranger, run_id),
        lambda: desk.runs.attach_to_run(stranger, run_id, None, lambda: True),
        lambda: desk.runs.attach_to_session(stranger, desk.session.id, None, lambda: True),
        lambda: desk.runs.attach_to_session(
            stranger, desk.session.id, f"{run_id}.1.1", lambda: True
        ),
    ):
        with pytest.raises(NotFound):
            deed()
    assert run_id in desk.world.runner


def test_a_known_key_is_answered_though_its_model_is_gone(desk: _Desk) -> None:
    first = desk.start(key=KEY)
    gone = replace(HELLO, choice=ModelChoice(None, "gpt-99"))
    too_much = replace(HELLO, choice=ModelChoice(None, "small"), max_tokens=10**6)
    assert desk.start(gone, KEY).run.id == first.run.id
    assert desk.start(too_much, KEY).run.id == first.run.id


def _queueing(make_world: MakeWorld, provider: str) -> _Desk:
    """Have one call under way at a provider that takes one, and one place in its queue."""
    other = PlayedProvider([Event()], name="other")
    world = make_world(
        [Event()],
        others=[other],
        quotas=LocalQuotas({provider: Quota(requests=1)}, 60),
        queue_size=1,
    )
    offers = Offers([LARGE, SMALL, *other.models], LARGE, "scripted")
    world.router = Router(offers, RoutingRules(), world.breakers, FirstTokens())
    world.queue.enter(request_of(provider))
    return _Desk(world)


def request_of(provider: str) -> Request:
    """Want to make a call."""
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


def test_a_replay_takes_no_place_in_the_queue(make_world: MakeWorld) -> None:
    desk = _Desk(
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
    world.queue.hold("other")
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

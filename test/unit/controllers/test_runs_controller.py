"""The use cases of a turn: admitted, begun, launched, stopped; only begins use up limits."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from gevent.event import Event
from subjects.run_desk import HELLO, RunDesk
from worlds.played import PlayedProvider, Step
from worlds.run_world import MakeWorld, said
from worlds.stores import KEY, KEY_WITH_OTHER_BODY, LARGE, new_id, new_session

from services.domain.catalog import ModelChoice, Offers
from services.domain.errors.codes import FailureCode
from services.domain.errors.conflicts import RunActive
from services.domain.errors.outages import Draining, StoreUnavailable, TooManyStreams
from services.domain.errors.requests import KeyReused, ModelNotAvailable, NotFound, TooManyRequests
from services.domain.errors.upstream import ProviderError
from services.domain.sessions import FinishReason


@pytest.fixture
def script() -> Sequence[Step]:
    """Give the script that the provider plays."""
    return said("all ", "well")


@pytest.fixture
def desk(make_world: MakeWorld, script: Sequence[Step]) -> RunDesk:
    """Give a controller."""
    return RunDesk(make_world(script))


def test_a_turn_is_begun_launched_and_read(desk: RunDesk) -> None:
    started = desk.start()
    assert (started.replayed, desk.left) == (False, 4)
    assert desk.text_of(started) == "all well"
    desk.world.wait()
    run = desk.runs.get(desk.caller, started.run.id)
    assert run.finish_reason is FinishReason.STOP


def test_what_the_request_says_goes_upstream_and_defaults_where_it_is_silent(
    desk: RunDesk,
) -> None:
    desk.text_of(desk.start())
    turn = replace(HELLO, temperature=0.0, max_tokens=7, choice=ModelChoice("scripted", "small"))
    desk.text_of(desk.start(turn))
    silent, said_so = desk.world.provider.requests
    assert (silent.temperature, silent.max_tokens, silent.model.name) == (0.7, 1000, "large")
    assert (said_so.temperature, said_so.max_tokens, said_so.model.name) == (0.0, 7, "small")


@pytest.mark.parametrize(
    ("of_session", "text"),
    [(ModelChoice("other"), "from its second"), (ModelChoice("other", "large"), "")],
)
def test_a_model_that_is_gone_is_replaced_unless_the_session_names_it(
    make_world: MakeWorld, of_session: ModelChoice, text: str
) -> None:
    gone = ProviderError("No.", code=FailureCode.MODEL_NOT_FOUND)
    other = PlayedProvider([gone], said("from its second"), name="other")
    offers = Offers([LARGE, *other.models], LARGE, "scripted")
    desk = RunDesk(make_world(said("no"), others=[other], offers=offers))
    new = new_session(desk.caller.user_id, choice=of_session)
    session = desk.world.store.sessions.create(new)

    started = desk.runs.start(desk.caller, session.id, HELLO)

    assert desk.text_of(started) == text


def test_the_same_key_gives_the_same_run_and_costs_nothing(desk: RunDesk) -> None:
    first = desk.start(key=KEY)
    again = desk.start(key=KEY)
    assert (again.run.id, again.replayed, desk.left) == (first.run.id, True, 4)
    assert desk.text_of(first) == desk.text_of(again) == "all well"
    desk.world.wait()
    assert desk.start(key=KEY).run.id == first.run.id
    assert len(desk.world.provider.requests) == 1


def test_a_key_with_another_body_is_refused(desk: RunDesk) -> None:
    desk.start(key=KEY)
    with pytest.raises(KeyReused):
        desk.start(key=KEY_WITH_OTHER_BODY)


def test_a_known_key_is_answered_though_the_limit_is_used_up(make_world: MakeWorld) -> None:
    desk = RunDesk(make_world(said("all")), limit=1)
    first = desk.start(key=KEY)
    desk.text_of(first)
    assert desk.start(key=KEY).run.id == first.run.id
    with pytest.raises(TooManyRequests):
        desk.start()
    with pytest.raises(KeyReused):
        desk.start(key=KEY_WITH_OTHER_BODY)


def test_a_known_key_is_answered_while_the_server_drains(desk: RunDesk) -> None:
    first = desk.start(key=KEY)
    desk.drain.finish()
    assert desk.start(key=KEY).run.id == first.run.id
    with pytest.raises(Draining):
        desk.start()


def test_a_begin_that_is_refused_costs_nothing(desk: RunDesk) -> None:
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
    desk = RunDesk(make_world([Event()]), streams=1)
    reading = desk.runs.follow(desk.caller, desk.start(), lambda: True)
    with pytest.raises(TooManyStreams):
        desk.start()
    reading.close()
    assert desk.world.provider.journal.count("begin_turn") == 1


@pytest.mark.parametrize("script", [[Event()]])
def test_a_busy_session_names_its_run(desk: RunDesk) -> None:
    started = desk.start()
    with pytest.raises(RunActive) as refused:
        desk.start()
    assert refused.value.active_run_id == started.run.id
    assert desk.left == 4


@pytest.mark.parametrize("script", [[Event()]])
def test_a_stop_right_after_the_begin_ends_the_run(desk: RunDesk) -> None:
    started = desk.start()
    desk.runs.stop(desk.caller, started.run.id)
    desk.world.wait()
    assert desk.runs.get(desk.caller, started.run.id).finish_reason is FinishReason.STOPPED


def test_a_stop_after_the_end_changes_nothing(desk: RunDesk) -> None:
    started = desk.start()
    desk.world.wait()
    before = desk.runs.get(desk.caller, started.run.id)
    assert desk.runs.stop(desk.caller, started.run.id) == before
    assert desk.runs.get(desk.caller, started.run.id) == before


@pytest.mark.parametrize("script", [[Event()]])
def test_strangers_can_neither_stop_nor_read(desk: RunDesk) -> None:
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


def test_a_known_key_is_answered_though_its_model_is_gone(desk: RunDesk) -> None:
    first = desk.start(key=KEY)
    gone = replace(HELLO, choice=ModelChoice(None, "gpt-99"))
    too_much = replace(HELLO, choice=ModelChoice(None, "small"), max_tokens=10**6)
    assert desk.start(gone, KEY).run.id == first.run.id
    assert desk.start(too_much, KEY).run.id == first.run.id

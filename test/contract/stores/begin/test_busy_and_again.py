"""A begin that must not happen, and a begin that is repeated."""

from dataclasses import replace

import pytest
from subjects.begun_turns import contents, nothing_was_written
from worlds.stores import LARGE, NOT_IDS, answer, later, new_id, new_session, settlement_of, turn_in

from services.domain.catalog import ModelChoice, Offers
from services.domain.errors.conflicts import RunActive
from services.domain.errors.requests import NotFound, TooManyRequests
from services.domain.sessions import Session
from services.stores.base.store import Store


def test_a_begin_without_a_session_of_the_user_is_not_found(store: Store, session: Session) -> None:
    turn = turn_in(session)

    for no_session in [*NOT_IDS, new_id()]:
        with pytest.raises(NotFound):
            store.runs.begin_turn(replace(turn, session_id=no_session))
    with pytest.raises(NotFound):
        store.runs.begin_turn(replace(turn, user_id=new_id()))

    assert nothing_was_written(store, session, turn)


def test_a_busy_session_refuses_and_names_its_run(store: Store, session: Session) -> None:
    active = store.runs.begin_turn(turn_in(session)).run
    before = store.sessions.get(session.user_id, session.id)
    turn = turn_in(session, created_at=later(5))

    with pytest.raises(RunActive) as refused:
        store.runs.begin_turn(turn)

    assert refused.value.active_run_id == active.id
    assert nothing_was_written(store, before, turn)


def test_a_user_has_at_most_so_many_active_runs(store: Store, user_id: str) -> None:
    first, second, third = (store.sessions.create(new_session(user_id)) for _ in range(3))
    foreign = store.sessions.create(new_session(new_id()))
    active = store.runs.begin_turn(turn_in(first, max_active_runs=2)).run
    store.runs.begin_turn(turn_in(foreign, max_active_runs=2))
    store.runs.begin_turn(turn_in(second, max_active_runs=2))
    turn = turn_in(third, max_active_runs=2)

    with pytest.raises(TooManyRequests) as refused:
        store.runs.begin_turn(turn)

    assert refused.value.code == "too_many_runs"
    assert nothing_was_written(store, third, turn)
    store.runs.settle_turn(settlement_of(active))
    assert store.runs.begin_turn(turn).run.is_active


def test_the_same_run_asked_again_gives_the_same_answer(store: Store, session: Session) -> None:
    answer(store, session, "re a", content="a")
    turn = turn_in(session, content="b", choice=ModelChoice(None, "small"))
    begun = store.runs.begin_turn(turn)

    assert store.runs.begin_turn(turn) == begun
    assert contents(store, session) == ["a", "re a", "b", ""]


def test_the_same_run_asked_again_answers_even_without_its_model(
    store: Store, session: Session
) -> None:
    turn = turn_in(session, choice=ModelChoice(None, "small"))
    begun = store.runs.begin_turn(turn)

    assert store.runs.begin_turn(replace(turn, offers=Offers([LARGE], LARGE, "scripted"))) == begun


def test_somebody_elses_run_id_is_not_found(store: Store, session: Session) -> None:
    run = store.runs.begin_turn(turn_in(session)).run
    foreign = store.sessions.create(new_session(new_id()))

    with pytest.raises(NotFound):
        store.runs.begin_turn(turn_in(foreign, run_id=run.id))

"""Everything belongs to a user, on every store; for all other users it does not exist."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest
from worlds.stores import KEY, NOT_IDS, NOW, answer, new_id, settlement_of, turn_in

from services.domain.errors.requests import NotFound
from services.domain.runs import ParentRule
from services.domain.sessions import Session, SessionChanges, SessionFilter
from services.stores.base.store import Store

Access: TypeAlias = Callable[[Store, str, str], object]

RENAME = SessionChanges(given=frozenset({"title"}), title="Stolen")

OF_A_SESSION: dict[str, Access] = {
    "sessions.get": lambda store, user, one: store.sessions.get(user, one),
    "sessions.change": lambda store, user, one: store.sessions.change(user, one, RENAME, NOW),
    "sessions.delete": lambda store, user, one: store.sessions.delete(user, one),
    "messages.branch": lambda store, user, one: store.messages.branch(user, one, 10),
    "messages.tree": lambda store, user, one: store.messages.tree(user, one, 10),
    "runs.latest": lambda store, user, one: store.runs.latest(user, one),
}
OF_A_RUN: dict[str, Access] = {
    "runs.get": lambda store, user, one: store.runs.get(user, one),
    "runs.text": lambda store, user, one: store.runs.text(user, one),
    "runs.request_stop": lambda store, user, one: store.runs.request_stop(user, one, NOW),
}
EVERY = OF_A_SESSION | OF_A_RUN


@pytest.mark.parametrize("access", OF_A_SESSION.values(), ids=OF_A_SESSION)
def test_somebody_elses_session_is_not_found(
    store: Store, session: Session, access: Access
) -> None:
    answer(store, session)
    before = store.sessions.get(session.user_id, session.id)

    for stranger in [new_id(), *NOT_IDS]:
        with pytest.raises(NotFound):
            access(store, stranger, session.id)

    assert store.sessions.get(session.user_id, session.id) == before


@pytest.mark.parametrize("access", OF_A_RUN.values(), ids=OF_A_RUN)
def test_somebody_elses_run_is_not_found(store: Store, session: Session, access: Access) -> None:
    run = store.runs.begin_turn(turn_in(session)).run

    for stranger in [new_id(), *NOT_IDS]:
        with pytest.raises(NotFound):
            access(store, stranger, run.id)

    assert not store.runs.beat(turn_in(session).worker_id, [], NOW).stop


@pytest.mark.parametrize("access", EVERY.values(), ids=EVERY)
def test_what_is_no_id_is_not_found(store: Store, session: Session, access: Access) -> None:
    for no_id in [*NOT_IDS, new_id(), session.id.upper()]:
        with pytest.raises(NotFound):
            access(store, session.user_id, no_id)


def test_lists_hold_only_what_is_ones_own(store: Store, session: Session) -> None:
    answer(store, session, key=KEY)

    for stranger in [new_id(), *NOT_IDS]:
        for query in (None, "hello"):
            wanted = SessionFilter(limit=10, query=query)
            assert store.sessions.list(stranger, wanted).items == []
        assert store.runs.find_key(stranger, KEY) is None


def test_a_stranger_cannot_write_into_a_session(store: Store, session: Session) -> None:
    run = answer(store, session)

    for stranger in [new_id(), *NOT_IDS]:
        with pytest.raises(NotFound):
            store.runs.begin_turn(turn_in(session, user_id=stranger))
        given = {"parent": ParentRule.GIVEN, "parent_id": run.message_id}
        with pytest.raises(NotFound):
            store.runs.begin_turn(turn_in(session, user_id=stranger, **given))

    assert len(store.messages.tree(session.user_id, session.id, 10).items) == 2


def test_the_newest_run_of_a_session_is_its_latest(store: Store, session: Session) -> None:
    assert store.runs.latest(session.user_id, session.id) is None
    first = answer(store, session)
    assert store.runs.latest(session.user_id, session.id) == replace(first, attempts=())

    active = store.runs.begin_turn(turn_in(session)).run

    assert store.runs.latest(session.user_id, session.id) == active
    store.runs.settle_turn(settlement_of(active))
    ended = store.runs.get(session.user_id, active.id)
    assert store.runs.latest(session.user_id, session.id) == replace(ended, attempts=())


def test_the_text_of_a_run_without_checkpoints_is_empty(store: Store, session: Session) -> None:
    run = store.runs.begin_turn(turn_in(session)).run

    assert store.runs.text(session.user_id, run.id) == ""

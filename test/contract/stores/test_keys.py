"""Idempotency keys, on every store."""

from dataclasses import replace

import pytest
from worlds.stores import KEY, KEY_WITH_OTHER_BODY, answer, later, new_id, new_session, turn_in

from services.domain.catalog import ModelChoice
from services.domain.errors.requests import KeyReused, ModelNotAvailable
from services.domain.runs import IdempotencyKey
from services.domain.sessions import Session, SessionFilter
from services.stores.base.runs import Replay
from services.stores.base.store import Store


def test_a_known_key_gives_its_run_and_writes_nothing(store: Store, session: Session) -> None:
    choice = ModelChoice(None, "small")
    begun = store.runs.begin_turn(turn_in(session, key=KEY, choice=choice))

    again = store.runs.begin_turn(turn_in(session, key=KEY, choice=choice))

    assert again.replayed
    assert (again.run, again.model, again.max_tokens) == (begun.run, begun.model, begun.max_tokens)
    assert len(store.messages.tree(session.user_id, session.id, 10).items) == 2


def test_a_known_key_gives_its_run_also_after_the_end(store: Store, session: Session) -> None:
    ended = answer(store, session, key=KEY)

    again = store.runs.begin_turn(turn_in(session, key=KEY))

    assert (again.replayed, again.run) == (True, replace(ended, attempts=()))


def test_the_key_is_asked_before_the_busy_session(store: Store, session: Session) -> None:
    first = answer(store, session, key=KEY)
    store.runs.begin_turn(turn_in(session))

    assert store.runs.begin_turn(turn_in(session, key=KEY)).run.id == first.id


def test_a_key_with_another_body_is_refused(store: Store, session: Session) -> None:
    answer(store, session, key=KEY)

    with pytest.raises(KeyReused):
        store.runs.begin_turn(turn_in(session, key=KEY_WITH_OTHER_BODY))

    assert len(store.messages.tree(session.user_id, session.id, 10).items) == 2


def test_a_lost_reply_of_a_begin_with_a_key_is_no_replay(store: Store, session: Session) -> None:
    turn = turn_in(session, key=KEY)
    begun = store.runs.begin_turn(turn)

    assert store.runs.begin_turn(turn) == begun


def test_a_begin_that_failed_is_not_remembered(store: Store, session: Session) -> None:
    wrong = turn_in(session, key=KEY, choice=ModelChoice(None, "unknown"))
    with pytest.raises(ModelNotAvailable):
        store.runs.begin_turn(wrong)

    assert store.runs.find_key(session.user_id, KEY) is None
    assert not store.runs.begin_turn(turn_in(session, key=KEY_WITH_OTHER_BODY)).replayed


def test_a_key_that_makes_session_and_run_remembers_both(store: Store, user_id: str) -> None:
    new, other = new_session(user_id), new_session(user_id)
    begun = store.runs.begin_turn(turn_in(new, new_session=new, key=KEY))

    again = store.runs.begin_turn(turn_in(other, new_session=other, key=KEY))

    assert (again.replayed, again.run) == (True, begun.run)
    assert store.runs.find_key(user_id, KEY) == Replay(new.id, begun.run.id)
    assert len(store.sessions.list(user_id, SessionFilter(limit=10)).items) == 1
    assert store.sessions.create(other, KEY).id == new.id


def test_a_key_that_made_only_a_session_makes_no_run(store: Store, user_id: str) -> None:
    made = store.sessions.create(new_session(user_id), KEY)

    assert store.runs.find_key(user_id, KEY) == Replay(made.id, None)
    with pytest.raises(KeyReused):
        store.runs.begin_turn(turn_in(made, key=KEY))


def test_looking_up_a_key_tells_what_it_made(store: Store, session: Session) -> None:
    run = answer(store, session, key=KEY)

    assert store.runs.find_key(session.user_id, KEY) == Replay(session.id, run.id)
    assert store.runs.find_key(new_id(), KEY) is None
    assert store.runs.find_key("x\0", KEY) is None
    assert store.runs.find_key(session.user_id, IdempotencyKey("unknown", "body")) is None
    with pytest.raises(KeyReused):
        store.runs.find_key(session.user_id, KEY_WITH_OTHER_BODY)


def test_purge_forgets_old_keys_and_keeps_their_runs(store: Store, session: Session) -> None:
    old = answer(store, session, key=KEY)
    new = answer(store, session, key=IdempotencyKey("new", "body"), created_at=later(100))

    purged = store.runs.purge(later(50))

    assert purged == 1
    assert store.runs.find_key(session.user_id, KEY) is None
    assert store.runs.find_key(session.user_id, IdempotencyKey("new", "body")) is not None
    assert store.runs.get(session.user_id, old.id) == old
    assert store.runs.get(session.user_id, new.id) == new


def test_purge_forgets_any_number_of_keys(store: Store, user_id: str) -> None:
    for n in range(1001):
        store.sessions.create(new_session(user_id), IdempotencyKey(f"{n}", "body"))

    assert store.runs.purge(later(1)) == 1001

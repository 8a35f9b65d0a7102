"""The place of a turn in the tree of its session."""

import pytest
from subjects.begun_turns import contents, nothing_was_written
from worlds.stores import NOT_IDS, answer, new_id, new_session, turn_in

from services.domain.errors.requests import InvalidRequest, NotFound
from services.domain.runs import ParentRule
from services.domain.sessions import Session
from services.stores.base.store import Store


def test_a_new_turn_hangs_below_the_last_answer(store: Store, session: Session) -> None:
    answer(store, session, "re a", content="a")
    answer(store, session, "re b", content="b")

    assert contents(store, session) == ["a", "re a", "b", "re b"]


def test_a_turn_can_hang_below_any_answer_of_the_session(store: Store, session: Session) -> None:
    first = answer(store, session, "re a", content="a")
    answer(store, session, "re b", content="b")
    below = {"parent": ParentRule.GIVEN, "parent_id": first.message_id}

    answer(store, session, "re c", content="c", **below)

    assert contents(store, session) == ["a", "re a", "c", "re c"]


def test_a_turn_can_begin_a_new_root(store: Store, session: Session) -> None:
    answer(store, session, "re a", content="a")

    begun = store.runs.begin_turn(turn_in(session, content="b", parent=ParentRule.ROOT))

    assert contents(store, session) == ["b", ""]
    assert [message.content for message in begun.context] == ["b"]


def test_a_parent_that_is_not_in_the_session_is_not_found(store: Store, session: Session) -> None:
    other = answer(store, store.sessions.create(new_session(session.user_id)))
    before = store.sessions.get(session.user_id, session.id)

    for parent_id in [*NOT_IDS, new_id(), other.message_id, None]:
        turn = turn_in(session, parent=ParentRule.GIVEN, parent_id=parent_id)
        with pytest.raises(NotFound) as refused:
            store.runs.begin_turn(turn)
        assert "parent_id" in refused.value.errors
        assert nothing_was_written(store, before, turn)


def test_a_question_cannot_be_a_parent(store: Store, session: Session) -> None:
    asked = answer(store, session).user_message_id

    with pytest.raises(InvalidRequest) as refused:
        store.runs.begin_turn(turn_in(session, parent=ParentRule.GIVEN, parent_id=asked))

    assert "parent_id" in refused.value.errors

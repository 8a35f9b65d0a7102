"""What the begin of a turn writes: question, placeholder, run, session."""

import pytest
from worlds.stores import LARGE, NOW, SMALL, WORKER, answer, later, new_session, turn_in

from services.domain.catalog import ModelChoice
from services.domain.errors.requests import ModelNotAvailable, NotFound
from services.domain.runs import Run
from services.domain.sessions import MessageStatus, Session
from services.stores.base.store import Store


def test_a_begin_writes_question_placeholder_and_run(store: Store, session: Session) -> None:
    turn = turn_in(session, created_at=later(3))

    begun = store.runs.begin_turn(turn)

    assert begun.run == Run(
        id=turn.run_id,
        session_id=session.id,
        user_id=session.user_id,
        message_id=turn.message_id,
        user_message_id=turn.user_message_id,
        epoch=1,
        status=MessageStatus.STREAMING,
        provider="scripted",
        model="large",
        created_at=later(3),
    )
    assert (begun.model, begun.max_tokens, begun.replayed) == (LARGE, 1000, False)
    assert store.runs.get(session.user_id, turn.run_id) == begun.run
    question, reply = store.messages.branch(session.user_id, session.id, 10).items
    assert (question.id, question.content, question.status) == (
        turn.user_message_id,
        "Hello",
        MessageStatus.COMPLETE,
    )
    assert (reply.id, reply.content, reply.status) == (turn.message_id, "", MessageStatus.STREAMING)


def test_a_begin_moves_the_session_and_names_it(store: Store, session: Session) -> None:
    store.runs.begin_turn(turn_in(session, content="  What is\tthis?\nMore", created_at=later(9)))

    moved = store.sessions.get(session.user_id, session.id)

    assert (moved.title, moved.created_at, moved.updated_at) == ("What is this?", NOW, later(9))


def test_a_title_that_was_given_stays(store: Store, user_id: str) -> None:
    session = store.sessions.create(new_session(user_id, title="Mine"))

    answer(store, session)

    assert store.sessions.get(user_id, session.id).title == "Mine"


def test_a_begin_can_make_its_session(store: Store, user_id: str) -> None:
    new = new_session(user_id, system_prompt="Be kind.", choice=ModelChoice(None, "small"))

    begun = store.runs.begin_turn(turn_in(new, new_session=new))

    assert (begun.model, begun.system_prompt) == (SMALL, "Be kind.")
    made = store.sessions.get(user_id, new.id)
    assert (made.title, made.active_run) == ("Hello", begun.run.id)


def test_a_begin_that_fails_makes_no_session(store: Store, user_id: str) -> None:
    new = new_session(user_id)

    with pytest.raises(ModelNotAvailable):
        store.runs.begin_turn(turn_in(new, new_session=new, choice=ModelChoice(None, "unknown")))

    with pytest.raises(NotFound):
        store.sessions.get(user_id, new.id)


def test_a_begin_that_breaks_in_the_middle_leaves_nothing(
    store: Store, session: Session, broken_constraint: type[Exception]
) -> None:
    taken = answer(store, store.sessions.create(new_session(session.user_id))).message_id
    turn = turn_in(session, message_id=taken)

    with pytest.raises(broken_constraint):
        store.runs.begin_turn(turn)

    before = store.sessions.get(session.user_id, session.id)
    assert before == session
    assert store.messages.tree(session.user_id, session.id, 10).items == []
    assert store.runs.begin_turn(turn_in(session)).run.is_active


def test_a_begin_puts_its_worker_on_record(store: Store, session: Session) -> None:
    store.runs.begin_turn(turn_in(session))

    assert store.runs.beat("observer", [], NOW).others == {WORKER: 0}

"""The begin of a turn, on every store."""

from dataclasses import replace

import pytest
from worlds.stores import (
    LARGE,
    NOT_IDS,
    NOW,
    OFFERS,
    SMALL,
    WORKER,
    answer,
    later,
    new_id,
    new_session,
    settlement_of,
    turn_in,
)

from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers
from services.domain.errors.conflicts import RunActive
from services.domain.errors.requests import (
    ContextTooLong,
    InvalidRequest,
    ModelNotAvailable,
    NotFound,
    TooManyRequests,
)
from services.domain.runs import BeginTurn, ParentRule, Run
from services.domain.sessions import MessageStatus, NewSession, Session
from services.stores.base.store import Store


def contents(store: Store, session: Session | NewSession) -> list[str]:
    """Read the active branch."""
    return [one.content for one in store.messages.branch(session.user_id, session.id, 100).items]


def nothing_was_written(store: Store, before: Session, turn: BeginTurn) -> bool:
    """Tell whether a session is as it was, without a trace of the turn."""
    with pytest.raises(NotFound):
        store.runs.get(turn.user_id, turn.run_id)
    messages = store.messages.tree(before.user_id, before.id, 100).items
    left = {turn.message_id, turn.user_message_id} & {message.id for message in messages}
    return not left and store.sessions.get(before.user_id, before.id) == before


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


@pytest.mark.parametrize(
    ("of_request", "of_session", "picked"),
    [
        (ModelChoice(), ModelChoice(), LARGE),
        (ModelChoice(), ModelChoice("scripted", "small"), SMALL),
        (ModelChoice("scripted", "large"), ModelChoice("scripted", "small"), LARGE),
        (ModelChoice(None, "small"), ModelChoice(), SMALL),
    ],
)
def test_the_model_is_the_requests_else_the_sessions_else_the_default(
    store: Store, user_id: str, of_request: ModelChoice, of_session: ModelChoice, picked: Model
) -> None:
    session = store.sessions.create(new_session(user_id, choice=of_session))

    begun = store.runs.begin_turn(turn_in(session, choice=of_request))

    assert begun.model == picked
    assert (begun.run.provider, begun.run.model) == (picked.provider, picked.name)


def test_a_model_that_is_not_offered_is_refused(store: Store, session: Session) -> None:
    turn = turn_in(session, choice=ModelChoice("scripted", "unknown"))

    with pytest.raises(ModelNotAvailable):
        store.runs.begin_turn(turn)

    assert nothing_was_written(store, session, turn)


def test_a_provider_with_its_own_address_gets_any_name(store: Store, session: Session) -> None:
    anything = replace(LARGE, provider="local", name=ANY_MODEL)
    offers = Offers([*OFFERS.models, anything], LARGE, "local")

    begun = store.runs.begin_turn(
        turn_in(session, offers=offers, choice=ModelChoice(None, "llama:8b"))
    )

    assert (begun.run.provider, begun.run.model) == ("local", "llama:8b")


def test_the_answers_tokens_are_cut_to_what_the_model_gives(store: Store, session: Session) -> None:
    begun = store.runs.begin_turn(turn_in(session, choice=ModelChoice(None, "small")))

    assert begun.max_tokens == SMALL.max_output


def test_a_message_that_does_not_fit_is_refused_before_anything_is_written(
    store: Store, session: Session
) -> None:
    turn = turn_in(session, choice=ModelChoice(None, "small"), token_estimate=5000)

    with pytest.raises(ContextTooLong):
        store.runs.begin_turn(turn)

    assert nothing_was_written(store, session, turn)


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


def test_a_begin_puts_its_worker_on_record(store: Store, session: Session) -> None:
    store.runs.begin_turn(turn_in(session))

    assert store.runs.beat("observer", [], NOW).others == {WORKER: 0}

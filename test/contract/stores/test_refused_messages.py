"""What a filter refused is not told to a model again, on every store."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from worlds.stores import StoreAdapter, answer, done, settlement_of, turn_in

from services.domain.runs import ParentRule, Run
from services.domain.sessions import FinishReason, MessageStatus, Session
from services.stores.base.store import Store
from services.stores.sqlite.store import FILE_NAME

REFUSED = FinishReason.CONTENT_FILTER

Write = Callable[[str], object]


@pytest.fixture
def write(store_adapter: StoreAdapter, request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    """Change rows in a way that no store offers yet."""
    if store_adapter.name != "sqlite":
        sql: Write = request.getfixturevalue("supabase").sql
        return sql

    def run(text: str) -> None:
        with closing(sqlite3.connect(tmp_path / "data" / FILE_NAME)) as connection:
            connection.execute(text)
            connection.commit()

    return run


def refuse(store: Store, session: Session, content: str, text: str = "", **changes: object) -> Run:
    """Make a turn whose answer a filter ended, after this text."""
    run = store.runs.begin_turn(turn_in(session, content=content, **changes)).run
    terminal = done(run, finish_reason=REFUSED)
    store.runs.settle_turn(settlement_of(run, text=text, finish_reason=REFUSED, terminal=terminal))
    return run


def fail(store: Store, session: Session, content: str, text: str = "") -> None:
    """Make a turn whose answer failed after this text."""
    run = store.runs.begin_turn(turn_in(session, content=content)).run
    store.runs.settle_turn(
        settlement_of(run, text=text, status=MessageStatus.FAILED, finish_reason=None)
    )


def context(store: Store, session: Session, **changes: object) -> list[str]:
    """Begin a turn, and give the texts that the model gets."""
    begun = store.runs.begin_turn(turn_in(session, content="new", **changes))
    return [message.content for message in begun.context]


@pytest.mark.parametrize("text", ["", "Half of an answer"])
def test_a_refused_message_leaves_with_its_answer(
    store: Store, session: Session, text: str
) -> None:
    answer(store, session, "re a", content="a")
    refuse(store, session, "bad", text)
    answer(store, session, "re b", content="b")

    assert context(store, session) == ["a", "re a", "b", "re b", "new"]


def test_a_refused_first_message_leaves_nothing(store: Store, session: Session) -> None:
    refuse(store, session, "bad", "Half")

    assert context(store, session) == ["new"]


@pytest.mark.parametrize("text", ["", "\n"])
def test_unanswered_questions_that_were_refused_with_it_leave_too(
    store: Store, session: Session, text: str
) -> None:
    answer(store, session, "re a", content="a")
    fail(store, session, "bad", text)
    fail(store, session, "bad once more")
    refuse(store, session, "bad again")
    fail(store, session, "b")

    assert context(store, session) == ["a", "re a", "b", "new"]


def test_a_question_that_got_half_an_answer_was_not_refused(store: Store, session: Session) -> None:
    fail(store, session, "a", "half")
    refuse(store, session, "bad")

    assert context(store, session) == ["a", "half", "new"]


@pytest.mark.parametrize(("bound", "expected"), [(3, 3), (5, 5), (10, 5), (0, 5)])
def test_what_was_refused_does_not_count_as_messages_of_the_context(
    store: Store, session: Session, bound: int, expected: int
) -> None:
    answer(store, session, "re a", content="a")
    answer(store, session, "re b", content="b")
    for _ in range(2):
        refuse(store, session, "bad", "Half")

    texts = context(store, session, context_messages=bound)

    assert texts == ["a", "re a", "b", "re b", "new"][-expected:]


def test_only_the_branch_that_goes_on_says_what_was_refused(store: Store, session: Session) -> None:
    first = answer(store, session, "re a", content="a")
    refuse(store, session, "bad")
    fork = {"parent": ParentRule.GIVEN, "parent_id": first.message_id}
    answer(store, session, "re b", content="b", **fork)

    assert context(store, session) == ["a", "re a", "b", "re b", "new"]


def test_a_turn_may_follow_a_refused_answer_of_another_branch(
    store: Store, session: Session
) -> None:
    refused = refuse(store, session, "bad", "Half")
    answer(store, session, "re b", content="b", parent=ParentRule.ROOT)

    texts = context(store, session, parent=ParentRule.GIVEN, parent_id=refused.message_id)

    assert texts == ["new"]


def test_of_several_answers_only_the_one_that_is_followed_counts(
    store: Store, session: Session, write: Write
) -> None:
    refused = refuse(store, session, "a", "Half")
    good = answer(store, session, "re a", content="a", parent=ParentRule.ROOT)
    write(
        f"update messages set parent_id = '{refused.user_message_id}'"  # noqa: S608 - our own ids
        f" where id = '{good.message_id}'"
    )

    followed = context(store, session, parent=ParentRule.GIVEN, parent_id=good.message_id)

    assert followed == ["a", "re a", "new"]


def test_a_begin_that_is_asked_again_leaves_out_the_same(store: Store, session: Session) -> None:
    answer(store, session, "re a", content="a")
    refuse(store, session, "bad", "Half")
    turn = turn_in(session, content="new")

    first, again = store.runs.begin_turn(turn), store.runs.begin_turn(turn)

    assert [message.content for message in first.context] == ["a", "re a", "new"]
    assert again.context == first.context

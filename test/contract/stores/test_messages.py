"""Pages of messages, on every store."""

from collections.abc import Callable, Sequence

import pytest
from worlds.stores import NOW, WORKER, answer, later, new_id, new_session, settlement_of, turn_in

from services.domain.errors.requests import InvalidCursor
from services.domain.paging import Page, encode_cursor
from services.domain.runs import ParentRule, Piece, RunBeat
from services.domain.sessions import Message, MessageRole, MessageStatus, Session
from services.stores.base.store import Store

ReadPage = Callable[[str, str, int, str | None], Page[Message]]


def pages_of(read: ReadPage, session: Session, limit: int) -> Sequence[Sequence[str]]:
    """Page back to the first message, and give the contents of each page."""
    pages, cursor = [], None
    while True:
        page = read(session.user_id, session.id, limit, cursor)
        pages.append([message.content for message in page.items])
        cursor = page.next_cursor
        if cursor is None:
            return pages


def ask(store: Store, session: Session, *questions: str) -> None:
    """Make a turn for each question; the answer to `q` is `re q`."""
    for question in questions:
        answer(store, session, f"re {question}", content=question)


def test_an_empty_session_has_one_empty_page(store: Store, session: Session) -> None:
    assert pages_of(store.messages.branch, session, 10) == [[]]
    assert pages_of(store.messages.tree, session, 10) == [[]]


def test_messages_are_read_back_as_they_were_written(store: Store, session: Session) -> None:
    run = answer(store, session, "Text with\r\nlines, é and 🎉", content="Question\t?")

    question, reply = store.messages.branch(session.user_id, session.id, 10).items

    assert question == Message(
        id=run.user_message_id,
        session_id=session.id,
        parent_id=None,
        role=MessageRole.USER,
        content="Question\t?",
        status=MessageStatus.COMPLETE,
        created_at=NOW,
    )
    assert reply == Message(
        id=run.message_id,
        session_id=session.id,
        parent_id=run.user_message_id,
        role=MessageRole.ASSISTANT,
        content="Text with\r\nlines, é and 🎉",
        status=MessageStatus.COMPLETE,
        created_at=NOW,
        finish_reason=run.finish_reason,
        model="large",
        provider="scripted",
        usage=run.usage,
        cost=run.cost,
    )


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (100, [["a", "re a", "b", "re b", "c", "re c"]]),
        (6, [["a", "re a", "b", "re b", "c", "re c"]]),
        (4, [["b", "re b", "c", "re c"], ["a", "re a"]]),
        (5, [["re a", "b", "re b", "c", "re c"], ["a"]]),
        (1, [["re c"], ["c"], ["re b"], ["b"], ["re a"], ["a"]]),
    ],
)
def test_the_first_page_holds_the_newest_and_the_cursor_goes_back_in_time(
    store: Store, session: Session, limit: int, expected: list[list[str]]
) -> None:
    ask(store, session, "a", "b", "c")

    assert pages_of(store.messages.branch, session, limit) == expected
    assert pages_of(store.messages.tree, session, limit) == expected


def test_the_branch_leaves_out_what_the_tree_holds(store: Store, session: Session) -> None:
    first = answer(store, session, "re a", content="a")
    ask(store, session, "b")
    answer(
        store,
        session,
        "re c",
        content="c",
        parent=ParentRule.GIVEN,
        parent_id=first.message_id,
    )
    answer(store, session, "re d", content="d", parent=ParentRule.ROOT)

    assert pages_of(store.messages.branch, session, 10) == [["d", "re d"]]
    assert pages_of(store.messages.tree, session, 5) == [
        ["re b", "c", "re c", "d", "re d"],
        ["a", "re a", "b"],
    ]


def test_a_cursor_goes_on_in_its_branch_after_another_one_became_active(
    store: Store, session: Session
) -> None:
    ask(store, session, "a", "b")
    cursor = store.messages.branch(session.user_id, session.id, 2).next_cursor
    answer(store, session, "re c", content="c", parent=ParentRule.ROOT)

    page = store.messages.branch(session.user_id, session.id, 2, cursor)

    assert [message.content for message in page.items] == ["a", "re a"]


def test_a_message_that_is_being_written_shows_its_checkpoints(
    store: Store, session: Session
) -> None:
    run = store.runs.begin_turn(turn_in(session)).run
    for seq, text in ((3, "Hel"), (9, "lo"), (12, "")):
        store.runs.beat(WORKER, [RunBeat(run.id, 1, Piece(seq, text))], NOW)

    for read in (store.messages.branch, store.messages.tree):
        reply = read(session.user_id, session.id, 10).items[-1]
        assert (reply.content, reply.status) == ("Hello", MessageStatus.STREAMING)


def test_a_failed_answer_without_a_word_has_an_empty_text(store: Store, session: Session) -> None:
    run = store.runs.begin_turn(turn_in(session)).run
    store.runs.settle_turn(
        settlement_of(run, text="", status=MessageStatus.FAILED, finish_reason=None, attempts=[])
    )

    reply = store.messages.branch(session.user_id, session.id, 10).items[-1]

    assert (reply.content, reply.status, reply.finish_reason) == ("", MessageStatus.FAILED, None)


def test_the_tree_goes_by_creation_also_within_one_instant(store: Store, session: Session) -> None:
    for n in range(3):
        answer(store, session, f"re {n}", content=f"{n}", created_at=later(0))

    assert pages_of(store.messages.tree, session, 4) == [["1", "re 1", "2", "re 2"], ["0", "re 0"]]


def test_a_cursor_of_something_else_is_refused(store: Store, session: Session) -> None:
    ask(store, session, "a", "b")
    other = store.sessions.create(new_session(session.user_id))
    ask(store, other, "a", "b")
    read = (session.user_id, session.id, 1)
    own = store.messages.branch(*read).next_cursor
    own_tree = store.messages.tree(*read).next_cursor
    foreign = store.messages.branch(session.user_id, other.id, 1).next_cursor
    wrong = ["", "x", "é", encode_cursor("branch", "x"), encode_cursor("branch", new_id())]

    for cursor in [*wrong, own_tree, foreign]:
        with pytest.raises(InvalidCursor):
            store.messages.branch(*read, cursor)
    for cursor in [*wrong, own, encode_cursor("tree", "1")]:
        with pytest.raises(InvalidCursor):
            store.messages.tree(*read, cursor)

"""Which part of a conversation a begun turn gives to the model, on every store."""

from decimal import Decimal

import pytest
from worlds.stores import LARGE, OFFERS, answer, new_session, settlement_of, turn_in

from services.domain.catalog import ModelChoice
from services.domain.costs import Price, estimate_tokens
from services.domain.runs import ContextMessage, ParentRule
from services.domain.sessions import MessageRole, MessageStatus, Session
from services.stores.base.store import Store


def context(store: Store, session: Session, **changes: object) -> list[str]:
    """Begin a turn, and give the texts that the model gets."""
    begun = store.runs.begin_turn(turn_in(session, **({"content": "new"} | changes)))
    return [message.content for message in begun.context]


@pytest.fixture
def long_talk(store: Store, session: Session) -> Session:
    """Give a session of eight turns: 0, re 0 ... 7, re 7."""
    for n in range(8):
        answer(store, session, f"re {n}", content=f"{n}")
    return session


def test_roles_and_estimates_go_with_the_texts(store: Store, session: Session) -> None:
    answer(store, session, "Some longer answer", content="Question", token_estimate=7)

    begun = store.runs.begin_turn(turn_in(session, content="new", token_estimate=3))

    assert list(begun.context) == [
        ContextMessage(MessageRole.USER, "Question", 7),
        ContextMessage(
            MessageRole.ASSISTANT, "Some longer answer", estimate_tokens("Some longer answer")
        ),
        ContextMessage(MessageRole.USER, "new", 3),
    ]


def test_the_context_is_the_newest_messages_from_a_question_on(
    store: Store, long_talk: Session
) -> None:
    texts = context(store, long_talk, context_messages=6)

    assert texts == ["6", "re 6", "7", "re 7", "new"]


@pytest.mark.parametrize(("bound", "count"), [(1, 1), (2, 1), (3, 3), (9, 9), (10, 9)])
def test_the_context_never_holds_more_messages_than_asked_for(
    store: Store, long_talk: Session, bound: int, count: int
) -> None:
    assert len(context(store, long_talk, context_messages=bound)) == count


def test_a_short_conversation_is_given_whole(store: Store, long_talk: Session) -> None:
    assert len(context(store, long_talk, context_messages=1000)) == 17


def test_without_a_bound_a_conversation_is_given_whole(store: Store, long_talk: Session) -> None:
    texts = context(store, long_talk, context_messages=0)

    assert texts == [text for n in range(8) for text in (f"{n}", f"re {n}")] + ["new"]


def test_without_a_bound_the_window_is_one(store: Store, long_talk: Session) -> None:
    answer(store, long_talk, "x" * 3328, content="big")
    small = ModelChoice(None, "small")

    texts = context(store, long_talk, choice=small, token_estimate=27, context_messages=0)

    assert texts == ["6", "re 6", "7", "re 7", "big", "x" * 3328, "new"]


def test_an_unanswered_question_that_does_not_fit_is_left_out(
    store: Store, session: Session
) -> None:
    run = store.runs.begin_turn(turn_in(session, content="huge", token_estimate=20_000)).run
    store.runs.settle_turn(
        settlement_of(run, text="", status=MessageStatus.FAILED, finish_reason=None)
    )

    assert context(store, session, choice=ModelChoice(None, "small")) == ["new"]


def test_the_context_follows_the_branch_of_the_parent(store: Store, session: Session) -> None:
    first = answer(store, session, "re a", content="a")
    answer(store, session, "re b", content="b")

    texts = context(store, session, parent=ParentRule.GIVEN, parent_id=first.message_id)

    assert texts == ["a", "re a", "new"]


def test_what_does_not_fit_the_window_is_left_out_from_the_oldest_on(
    store: Store, long_talk: Session
) -> None:
    answer(store, long_talk, "x" * 3328, content="big")

    texts = context(store, long_talk, choice=ModelChoice(None, "small"), token_estimate=50)

    assert texts == ["big", "x" * 3328, "new"]


@pytest.mark.parametrize("text", ["", " ", "\r\n\t "])
def test_blank_answers_are_skipped(store: Store, session: Session, text: str) -> None:
    run = store.runs.begin_turn(turn_in(session, content="a")).run
    store.runs.settle_turn(
        settlement_of(run, text=text, status=MessageStatus.FAILED, finish_reason=None)
    )

    assert context(store, session) == ["a", "new"]


@pytest.mark.parametrize(("bound", "expected"), [(4, 4), (5, 4), (6, 6), (10, 10)])
def test_what_is_skipped_does_not_count_as_a_message_of_the_context(
    store: Store, long_talk: Session, bound: int, expected: int
) -> None:
    for _ in range(3):
        regenerated = store.runs.begin_turn(turn_in(long_talk, content="x")).run
        empty = settlement_of(regenerated, text="", status=MessageStatus.FAILED, finish_reason=None)
        store.runs.settle_turn(empty)

    texts = context(store, long_talk, context_messages=bound)

    newest = [text for n in range(8) for text in (f"{n}", f"re {n}")] + ["x"] * 3 + ["new"]
    assert texts == newest[-expected:]


@pytest.mark.parametrize(
    "status", [MessageStatus.STOPPED, MessageStatus.INTERRUPTED, MessageStatus.FAILED]
)
def test_partial_answers_are_kept(store: Store, session: Session, status: MessageStatus) -> None:
    run = store.runs.begin_turn(turn_in(session, content="a")).run
    store.runs.settle_turn(settlement_of(run, text="half", status=status, finish_reason=None))

    assert context(store, session) == ["a", "half", "new"]


def test_the_system_prompt_is_the_sessions(store: Store, user_id: str) -> None:
    session = store.sessions.create(new_session(user_id, system_prompt="Be kind."))

    assert store.runs.begin_turn(turn_in(session)).system_prompt == "Be kind."


def test_a_claimer_learns_what_a_call_sent_and_what_it_costs(store: Store, user_id: str) -> None:
    session = store.sessions.create(new_session(user_id, system_prompt="x" * 40))
    answer(store, session, "y" * 80, content="a", token_estimate=5)
    choice = ModelChoice(None, "small")
    store.runs.begin_turn(turn_in(session, token_estimate=3, choice=choice, worker_id="dead"))

    [claimed] = store.runs.claim_dead("me", ["dead"], 10)

    assert claimed.input_tokens == 10 + 5 + 20 + 3
    assert claimed.price == Price(Decimal("2.5"), Decimal(10), Decimal("1.25"))


def test_an_unknown_price_stays_unknown(store: Store, session: Session) -> None:
    assert OFFERS.default is LARGE
    store.runs.begin_turn(turn_in(session, worker_id="dead"))

    [claimed] = store.runs.claim_dead("me", ["dead"], 10)

    assert claimed.price is None

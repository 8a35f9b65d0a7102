"""The judge of the torture finds each lie of the store; each is of its own kind."""

from collections.abc import Callable

import pytest
from torture.answered_round import Round


def drop_a_word_from_the_store(told: Round) -> None:
    told.answer["content"] = "one two"


def change_a_byte_in_the_store(told: Round) -> None:
    told.answer["content"] = "one twO three"


def leave_the_run_open(told: Round) -> None:
    told.run |= {"status": "streaming", "terminal": None}


def let_run_and_message_differ(told: Round) -> None:
    told.answer["status"] = "interrupted"


def store_another_end(told: Round) -> None:
    told.run["terminal"]["event"]["finish_reason"] = "length"


def store_another_end_than_was_told_before(told: Round) -> None:
    told.reader.visits[0].sights[-1].frame.event["persisted"] = False
    store_another_end(told)


def store_the_end_under_another_id(told: Round) -> None:
    told.run["terminal_epoch"] = 2


def lose_the_question(told: Round) -> None:
    told.question["content"] = "what nobody asked"


def take_a_refused_question(told: Round) -> None:
    told.asked.run_ids.clear()


def begin_two_runs_for_a_key(told: Round) -> None:
    told.asked.run_ids.add("run-2")


def follow_no_answer(told: Round) -> None:
    told.question["parent_id"] = "another"


def book_it_twice(told: Round) -> None:
    told.booked.append({**told.booked[0], "attempt": 2})


def book_it_never(told: Round) -> None:
    told.booked.clear()


def book_too_much(told: Round) -> None:
    told.booked[0]["output_tokens"] = 4


def book_a_run_that_is_not_there(told: Round) -> None:
    told.booked.append({**told.booked[0], "run_id": "run-9"})


LIES: list[Callable[[Round], None]] = [
    drop_a_word_from_the_store,
    change_a_byte_in_the_store,
    leave_the_run_open,
    let_run_and_message_differ,
    store_another_end,
    store_the_end_under_another_id,
    store_another_end_than_was_told_before,
    lose_the_question,
    take_a_refused_question,
    begin_two_runs_for_a_key,
    follow_no_answer,
    book_it_twice,
    book_it_never,
    book_too_much,
    book_a_run_that_is_not_there,
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_is_found(lie: Callable[[Round], None]) -> None:
    told = Round()
    lie(told)

    assert told.problems()

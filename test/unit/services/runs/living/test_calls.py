"""The calls of a run: numbered, written to the log, and one of them chosen for the answer."""

import pytest
from gevent import GreenletExit
from subjects.called_run import OTHER, CalledRun
from worlds.log_events import RETRYING
from worlds.stores import LARGE

from services.domain.events import Attempt
from services.domain.runs import AttemptOutcome


@pytest.fixture
def run() -> CalledRun:
    """Give a run that has made no call."""
    return CalledRun()


def called(number: int, provider: str = "scripted", *, is_answer: bool = False) -> Attempt:
    """Describe a call of the large model as the log has it."""
    return Attempt(number=number, provider=provider, model="large", is_answer=is_answer)


def test_calls_are_numbered_as_they_go_out(run: CalledRun) -> None:
    numbers = [run.begin(model).number for model in (LARGE, LARGE, OTHER)]

    assert numbers == [1, 2, 3]
    assert run.calls.made == [called(1), called(2), called(3, "other")]


def test_the_first_call_to_the_runs_own_model_is_not_written_to_the_log(run: CalledRun) -> None:
    run.begin()

    assert run.written == []


def test_every_further_call_is_written_to_the_log(run: CalledRun) -> None:
    for model in (LARGE, LARGE, OTHER):
        run.begin(model)

    assert run.written == [called(2), called(3, "other")]


def test_a_first_call_to_another_model_is_written_to_the_log(run: CalledRun) -> None:
    run.begin(OTHER)

    assert run.written == [called(1, "other")]


def test_a_first_call_that_had_to_wait_is_written_to_the_log(run: CalledRun) -> None:
    run.clock.begin_wait("it")
    run.time.now += 1
    run.clock.end_wait("it")
    run.begin()

    assert run.written == [called(1)]


def test_a_call_is_written_to_the_log_before_it_goes_out(run: CalledRun) -> None:
    run.begin()
    run.begin()

    assert run.tops == [0, 1]


def test_a_call_that_goes_out_ends_what_waiting_readers_are_told(run: CalledRun) -> None:
    run.writer.announce(RETRYING)
    run.begin()

    assert run.writer.reader().status() is None


def test_the_clock_counts_while_any_call_is_out(run: CalledRun) -> None:
    first, second = run.begin(), run.begin()
    run.time.now += 3
    run.calls.end(second, AttemptOutcome.FAILED, "upstream_cut")
    run.time.now += 3
    run.calls.end(first, AttemptOutcome.FAILED, "upstream_cut")
    run.time.now += 3

    assert run.clock.first_token_left == 4


def test_the_model_is_the_runs_own_or_the_one_that_was_asked_last(run: CalledRun) -> None:
    before = run.calls.model
    run.begin(OTHER)

    assert (before, run.calls.model) == (LARGE, OTHER)


def test_the_model_that_answers_is_the_chosen_one(run: CalledRun) -> None:
    first = run.begin()
    run.begin(OTHER)
    run.calls.answer_from(first)

    assert run.calls.model == LARGE


def test_an_answer_has_the_other_open_calls_booked_as_hedged_away(run: CalledRun) -> None:
    first, second, _third = run.begin(), run.begin(OTHER), run.begin(OTHER)
    run.calls.end(first, AttemptOutcome.FAILED, "upstream_cut")
    run.calls.answer_from(second)

    assert run.booked == [(1, "failed", "upstream_cut"), (3, "cancelled", "hedged")]


def test_an_answer_that_others_were_hedged_away_for_is_told_once_more(run: CalledRun) -> None:
    first = run.begin()
    run.begin(OTHER)
    run.calls.answer_from(first)

    chosen = called(1, is_answer=True)
    assert run.written == [called(2, "other"), chosen]
    assert run.calls.made == [called(1), called(2, "other"), chosen]


def test_an_answer_of_the_only_open_call_is_not_told_again(run: CalledRun) -> None:
    first = run.begin()
    run.calls.end(first, AttemptOutcome.FAILED, "upstream_cut")
    run.calls.answer_from(run.begin(OTHER))

    assert run.written == run.calls.made[1:] == [called(2, "other")]


def test_an_answer_tells_nobody_any_more_that_another_call_waits(run: CalledRun) -> None:
    first = run.begin()
    run.clock.begin_wait("another")
    run.writer.announce(RETRYING)
    run.calls.answer_from(first)

    assert run.writer.reader().status() is None


def test_no_call_goes_out_once_the_answer_is_chosen(run: CalledRun) -> None:
    run.calls.answer_from(run.begin())

    assert run.calls.has_answer
    with pytest.raises(GreenletExit):
        run.begin(OTHER)
    assert run.calls.made == [called(1)]


def test_an_open_run_takes_what_its_pump_writes(run: CalledRun) -> None:
    run.begin()

    run.calls.check_open()

    assert not run.calls.has_answer


def test_a_seal_books_what_is_still_out(run: CalledRun) -> None:
    first = run.begin()
    run.calls.end(first, AttemptOutcome.FAILED, "upstream_cut")
    run.begin()
    run.begin(OTHER)
    run.calls.seal(AttemptOutcome.CANCELLED, "stopped")

    assert run.booked == [
        (1, "failed", "upstream_cut"),
        (2, "cancelled", "stopped"),
        (3, "cancelled", "stopped"),
    ]


def test_a_seal_ends_whatever_would_call_or_write_again(run: CalledRun) -> None:
    run.begin()
    run.calls.seal(AttemptOutcome.CANCELLED, "stopped")

    with pytest.raises(GreenletExit):
        run.begin()
    with pytest.raises(GreenletExit):
        run.calls.check_open()
    assert run.calls.made == [called(1)]

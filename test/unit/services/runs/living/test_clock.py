"""The three time limits of a run, and which time counts towards each of them."""

import pytest
from subjects.timed_run import TimedRun

NO_FIRST_TOKEN = "No first token within 10 s."
NO_CONTENT = "No content for 5 s."
TOO_LONG = "The answer took longer than 100 s in all."


@pytest.fixture
def run() -> TimedRun:
    """Give a run without a call under way."""
    return TimedRun()


@pytest.fixture
def asking(run: TimedRun) -> TimedRun:
    """Give a run with a call under way."""
    run.clock.go_upstream()
    return run


@pytest.fixture
def answering(asking: TimedRun) -> TimedRun:
    """Give a run whose first piece has just come."""
    asking.clock.hear()
    return asking


def test_a_first_token_may_take_its_time_and_no_longer(asking: TimedRun) -> None:
    assert asking.fails_after(10) == NO_FIRST_TOKEN


def test_the_time_for_the_first_token_is_shared_by_all_calls(asking: TimedRun) -> None:
    asking.pass_seconds(6)
    asking.clock.leave_upstream()
    asking.clock.go_upstream()

    assert asking.clock.first_token_left == 4
    assert asking.fails_after(4) == NO_FIRST_TOKEN


def test_the_time_between_two_calls_does_not_count_for_the_first_token(asking: TimedRun) -> None:
    asking.pass_seconds(6)
    asking.clock.leave_upstream()
    asking.pass_seconds(60)
    assert asking.failure == ""
    asking.clock.go_upstream()

    assert asking.fails_after(4) == NO_FIRST_TOKEN


def test_a_call_beside_another_gives_the_first_token_no_further_time(asking: TimedRun) -> None:
    asking.pass_seconds(6)
    asking.clock.go_upstream()

    assert asking.fails_after(4) == NO_FIRST_TOKEN


def test_the_first_token_has_no_time_left_once_it_is_used_up(asking: TimedRun) -> None:
    asking.pass_seconds(11)

    assert asking.clock.first_token_left == 0


def test_the_time_for_the_first_token_ends_with_it(asking: TimedRun) -> None:
    asking.pass_seconds(9)
    asking.clock.hear()
    asking.pass_seconds(4)

    assert asking.failure == ""


def test_content_may_stay_away_after_the_last_piece_for_a_time(answering: TimedRun) -> None:
    for _ in range(3):
        answering.pass_seconds(4.5)
        assert answering.failure == ""
        answering.clock.hear()

    assert answering.fails_after(5) == NO_CONTENT


def test_the_time_in_all_ends_while_content_comes(answering: TimedRun) -> None:
    for _ in range(24):
        answering.pass_seconds(4)
        answering.clock.hear()

    assert answering.fails_after(4) == TOO_LONG


def test_the_time_in_all_ends_between_two_calls(asking: TimedRun) -> None:
    asking.clock.leave_upstream()

    assert asking.fails_after(100) == TOO_LONG


def test_the_time_in_all_ends_before_any_call(run: TimedRun) -> None:
    assert run.fails_after(100) == TOO_LONG


def test_where_two_limits_pass_together_the_one_in_all_is_told() -> None:
    run = TimedRun(first_token=10, run=10)
    run.clock.go_upstream()

    assert run.fails_after(10) == "The answer took longer than 10 s in all."


def test_only_the_limit_in_all_is_no_reason_to_try_again(asking: TimedRun) -> None:
    asking.pass_seconds(10)
    first_token = asking.clock.overdue()
    asking.clock.hear()
    asking.pass_seconds(5)
    content = asking.clock.overdue()
    asking.pass_seconds(85)
    in_all = asking.clock.overdue()

    told = [failure and failure.retryable for failure in (first_token, content, in_all)]
    assert told == [True, True, False]


def test_where_every_call_waits_for_room_no_limit_passes(run: TimedRun) -> None:
    run.clock.begin_wait("a call")
    run.pass_seconds(1000)

    assert run.failure == ""


def test_a_wait_for_room_does_not_count_for_the_time_in_all(run: TimedRun) -> None:
    run.pass_seconds(40)
    run.clock.begin_wait("a call")
    run.pass_seconds(1000)
    run.clock.end_wait("a call")

    assert run.fails_after(60) == TOO_LONG


def test_a_wait_lasts_until_the_last_call_has_come_through(run: TimedRun) -> None:
    run.clock.begin_wait("a call")
    run.clock.begin_wait("another")
    run.clock.end_wait("a call")
    run.pass_seconds(1000)
    told = [run.clock.is_waited_for]
    run.clock.end_wait("another")
    told.append(run.clock.is_waited_for)

    assert told == [True, False]
    assert run.fails_after(100) == TOO_LONG


def test_a_call_that_is_told_twice_to_wait_waits_once(run: TimedRun) -> None:
    run.clock.begin_wait("a call")
    run.clock.begin_wait("a call")
    run.clock.end_wait("a call")

    assert not run.clock.is_waited_for
    assert run.fails_after(100) == TOO_LONG


def test_the_first_token_is_due_though_another_call_waits(asking: TimedRun) -> None:
    asking.clock.begin_wait("another")

    assert asking.fails_after(10) == NO_FIRST_TOKEN


def test_content_is_due_though_another_call_waits(answering: TimedRun) -> None:
    answering.clock.begin_wait("another")

    assert answering.fails_after(5) == NO_CONTENT


def test_a_call_has_waited_once_it_has_come_through(run: TimedRun) -> None:
    run.clock.begin_wait("a call")
    run.pass_seconds(1)
    before = run.clock.has_waited
    run.clock.end_wait("a call")

    assert (before, run.clock.has_waited) == (False, True)


def test_what_moves_a_deadline_is_told(run: TimedRun) -> None:
    run.clock.begin_wait("a call")
    told = [run.changes]
    run.clock.end_wait("a call")
    told.append(run.changes)
    run.clock.go_upstream()
    told.append(run.changes)

    assert told == [1, 2, 3]


def test_what_moves_no_deadline_is_not_told(run: TimedRun) -> None:
    run.clock.end_wait("a call that never waited")
    told = [run.changes]
    run.clock.begin_wait("a call")
    run.clock.begin_wait("another")
    run.clock.end_wait("a call")
    told.append(run.changes)

    assert told == [0, 1]

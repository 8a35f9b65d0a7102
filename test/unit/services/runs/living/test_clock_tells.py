"""What the clock of a run tells: when to look again, whether a call may follow, what it took."""

import pytest
from subjects.timed_run import TimedRun

PATIENT = 1000


@pytest.fixture
def run() -> TimedRun:
    """Give a run whose limit between pieces does not end the answer."""
    return TimedRun(content=PATIENT)


def test_before_any_call_the_time_in_all_is_what_is_left(run: TimedRun) -> None:
    run.pass_seconds(30)

    assert run.clock.seconds_left() == 70


def test_while_a_call_is_out_the_time_for_the_first_token_is_what_is_left(run: TimedRun) -> None:
    run.clock.go_upstream()
    run.pass_seconds(4)

    assert run.clock.seconds_left() == 6


def test_a_second_call_has_the_time_that_the_first_one_left(run: TimedRun) -> None:
    run.clock.go_upstream()
    run.pass_seconds(4)
    run.clock.leave_upstream()
    run.pass_seconds(20)
    run.clock.go_upstream()
    run.pass_seconds(1)

    assert run.clock.seconds_left() == 5


def test_after_a_piece_the_time_to_the_next_one_is_what_is_left() -> None:
    run = TimedRun(content=5)
    run.clock.go_upstream()
    run.clock.hear()
    run.pass_seconds(2)

    assert run.clock.seconds_left() == 3


def test_near_the_end_the_time_in_all_is_what_is_left(run: TimedRun) -> None:
    run.clock.go_upstream()
    run.clock.hear()
    run.pass_seconds(98)

    assert run.clock.seconds_left() == 2


def test_a_first_token_has_no_more_time_than_the_whole_run() -> None:
    run = TimedRun(first_token=10, content=PATIENT, run=30)
    run.pass_seconds(22)
    run.clock.go_upstream()

    assert run.clock.seconds_left() == 8


def test_no_longer_than_the_time_between_pieces_is_waited_before_looking_again() -> None:
    run = TimedRun(first_token=10, content=5)
    run.clock.go_upstream()

    assert run.clock.seconds_left() == 5


def test_while_all_calls_wait_for_room_the_whole_time_is_left(run: TimedRun) -> None:
    run.clock.begin_wait("a call")
    run.pass_seconds(5000)

    assert run.clock.seconds_left() == 100


def test_nothing_is_left_of_a_limit_that_has_passed(run: TimedRun) -> None:
    run.clock.go_upstream()
    run.pass_seconds(50)

    assert run.clock.seconds_left() == 0


def test_who_looks_again_whenever_told_sees_a_limit_as_it_passes() -> None:
    run = TimedRun(first_token=12, content=5)
    run.clock.go_upstream()
    began = run.time.now
    while not run.failure:
        left = run.clock.seconds_left()
        assert left > 0
        run.pass_seconds(left)

    assert run.time.now == began + 12


def test_a_call_may_follow_as_long_as_nothing_came(run: TimedRun) -> None:
    run.clock.go_upstream()
    run.pass_seconds(9)
    run.clock.leave_upstream()
    before = run.clock.may_call_again
    run.clock.hear()

    assert (before, run.clock.may_call_again) == (True, False)


def test_no_call_may_follow_where_the_time_for_the_first_token_is_used_up(run: TimedRun) -> None:
    run.clock.go_upstream()
    run.pass_seconds(10)
    run.clock.leave_upstream()

    assert not run.clock.may_call_again


def test_no_call_may_follow_after_the_time_in_all(run: TimedRun) -> None:
    run.pass_seconds(99)
    before = run.clock.may_call_again
    run.pass_seconds(1)

    assert (before, run.clock.may_call_again) == (True, False)


def test_a_call_may_follow_a_wait_for_room_of_any_length(run: TimedRun) -> None:
    run.clock.begin_wait("a call")
    run.pass_seconds(5000)
    run.clock.end_wait("a call")

    assert run.clock.may_call_again


def test_the_first_token_is_timed_from_the_start_to_the_first_piece(run: TimedRun) -> None:
    run.pass_seconds(1)
    run.clock.go_upstream()
    run.pass_seconds(0.5)
    run.clock.hear()
    run.pass_seconds(2)
    run.clock.hear()

    assert run.clock.ttft_ms == 1500


def test_a_run_that_said_nothing_has_no_time_to_its_first_token(run: TimedRun) -> None:
    run.clock.go_upstream()
    run.pass_seconds(3)

    assert run.clock.ttft_ms is None


def test_the_whole_run_is_timed_from_its_start_waits_and_all(run: TimedRun) -> None:
    run.clock.begin_wait("a call")
    run.pass_seconds(5)
    run.clock.end_wait("a call")
    run.clock.go_upstream()
    run.pass_seconds(2.25)
    run.clock.leave_upstream()

    assert run.clock.total_ms == 7250

"""What a reader gets, in which order, and when it ends."""

import gevent
import pytest
from worlds.followed import Followed, is_quiet, read, take
from worlds.log_events import ATTEMPT, DONE, ERROR, RETRYING, START
from worlds.stores import new_id

from services.domain.deliveries import PING, Batch
from services.domain.events import Content, Resume, Terminal
from services.streams.follow import ReaderRequest


@pytest.fixture
def followed() -> Followed:
    """Begin a log."""
    return Followed()


def test_a_reader_gets_what_is_there_and_then_what_comes(followed: Followed) -> None:
    followed.writer.append(START)
    events = followed.follow()
    first = take(events)
    gevent.spawn(followed.writer.append, Content("a"))
    second = take(events)

    assert isinstance(first, Batch)
    assert isinstance(second, Batch)
    assert (first.first_seq, first.events) == (1, [START])
    assert (second.first_seq, second.events) == (2, [Content("a")])


@pytest.mark.parametrize("end", [DONE, ERROR])
def test_the_terminal_event_is_the_last_delivery(followed: Followed, end: Terminal) -> None:
    followed.writer.append(START)
    followed.writer.append(end)

    story = read(followed.follow())

    assert story.events == [(1, START), (2, end)]


def test_a_reader_reads_on_after_its_cursor(followed: Followed) -> None:
    for event in (START, Content("a"), ATTEMPT, Content("b"), DONE):
        followed.writer.append(event)

    story = read(followed.follow(ReaderRequest(user_id="user", after=2)))

    assert story.seqs == [3, 4, 5]


def test_what_is_written_between_admission_and_the_first_read_is_not_missed(
    followed: Followed,
) -> None:
    events = followed.follow()
    followed.writer.append(START)
    followed.writer.append(DONE)
    assert read(events).seqs == [1, 2]


def test_the_greeting_comes_first_and_once(followed: Followed) -> None:
    greeting = Resume(run_id="run", recovered=True)
    followed.writer.append(START)
    events = followed.follow(ReaderRequest(user_id="user", greeting=greeting))
    first = take(events)
    followed.writer.append(DONE)

    rest = read(events)

    assert first is greeting
    assert (rest.greetings, rest.seqs) == ([], [1, 2])


def test_all_that_came_during_a_slow_write_is_one_delivery(followed: Followed) -> None:
    events = followed.follow()
    followed.writer.append(START)
    take(events)
    for word in "abc":
        followed.writer.append(Content(word))

    batch = take(events)

    assert isinstance(batch, Batch)
    assert (batch.first_seq, len(batch.events)) == (2, 3)


def test_a_status_is_told_once_while_it_holds(followed: Followed) -> None:
    followed.writer.append(START)
    events = followed.follow()
    take(events)
    followed.writer.announce(RETRYING)
    assert take(events) is RETRYING
    assert is_quiet(events)


def test_no_status_is_told_before_the_start(followed: Followed) -> None:
    events = followed.follow()
    followed.writer.announce(RETRYING)
    assert is_quiet(events)

    followed.writer.append(START)

    assert isinstance(take(events), Batch)
    assert take(events) is RETRYING


def test_a_status_that_passed_is_not_told(followed: Followed) -> None:
    events = followed.follow()
    followed.writer.announce(RETRYING)
    followed.writer.announce(None)
    followed.writer.append(START)

    assert isinstance(take(events), Batch)
    assert is_quiet(events)


def test_a_late_reader_is_told_the_present_status_after_what_was_logged(
    followed: Followed,
) -> None:
    followed.writer.append(START)
    followed.writer.announce(RETRYING)
    events = followed.follow()

    assert isinstance(take(events), Batch)
    assert take(events) is RETRYING


def test_readers_of_an_abandoned_log_end_without_a_terminal_event(followed: Followed) -> None:
    followed.writer.append(START)
    events = followed.follow()
    gevent.spawn_later(0.01, followed.writer.abandon)

    story = read(events)

    assert (story.seqs, story.terminals) == ([1], [])


def test_what_was_logged_before_the_log_was_abandoned_is_still_delivered(
    followed: Followed,
) -> None:
    events = followed.follow()
    followed.writer.append(START)
    followed.writer.abandon()
    assert read(events).seqs == [1]


def test_a_reader_that_has_seen_the_end_is_not_kept_waiting(followed: Followed) -> None:
    followed.writer.append(START)
    followed.writer.append(DONE)
    assert read(followed.follow(ReaderRequest(user_id="user", after=2))).events == []


def test_closing_ends_a_reader_that_waits(followed: Followed) -> None:
    events = followed.follow()
    gevent.spawn_later(0.01, events.close)
    assert read(events).events == []


def test_a_long_replay_lets_others_have_their_turn(followed: Followed) -> None:
    for number in range(5_000):
        followed.writer.append(Content(str(number)))
    followed.writer.append(DONE)
    turns: list[int] = []

    def others() -> None:
        while True:
            turns.append(1)
            gevent.sleep(0)

    other = gevent.spawn(others)
    story = read(followed.follow())
    other.kill()

    assert story.seqs == list(range(1, 5_002))
    assert len(turns) >= 4


def test_a_reader_that_pauses_at_the_live_edge_is_not_slowed_down(followed: Followed) -> None:
    events = followed.follow()
    followed.writer.append(START)
    assert take(events) is not PING
    followed.writer.append(Content("a"))
    assert isinstance(next(events), Batch)


def test_the_whole_text_can_be_asked_for_at_any_time(followed: Followed) -> None:
    events = followed.follow()
    followed.writer.append(Content("one "))
    assert events.text() == "one "
    followed.writer.append(Content("two"))
    followed.writer.append(DONE)
    assert events.text() == "one two"


def test_two_runs_of_a_user_do_not_wake_each_other(followed: Followed) -> None:
    other = followed.open(new_id())
    events = followed.follow()
    other.append(START)
    other.append(DONE)
    assert is_quiet(events)

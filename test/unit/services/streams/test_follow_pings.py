"""Pings: only in silence, and when a login is checked again."""

import time
from collections.abc import Iterator

import gevent
import pytest
from worlds.followed import Followed, is_quiet, read, take
from worlds.log_events import DONE, RETRYING, START

from services.domain.deliveries import PING
from services.domain.events import Attempt, Content
from services.streams.follow import ReaderRequest

PING_SECONDS = 0.08


@pytest.fixture
def followed() -> Iterator[Followed]:
    """Begin a log, and let the clock of pings run."""
    followed = Followed(ping_seconds=PING_SECONDS)
    clock = gevent.spawn(followed.followers.run)
    yield followed
    clock.kill()


def test_a_silent_stream_is_pinged_again_and_again(followed: Followed) -> None:
    events = followed.follow()
    assert [take(events) for _ in range(3)] == [PING] * 3


def test_the_first_ping_comes_before_the_first_event(followed: Followed) -> None:
    events = followed.follow()
    assert take(events) is PING
    followed.writer.append(START)
    followed.writer.append(DONE)
    assert read(events).seqs == [1, 2]


def test_a_ping_comes_before_the_silence_is_too_long(followed: Followed) -> None:
    events = followed.follow()
    silences = []
    for _ in range(5):
        before = time.monotonic()
        take(events)
        silences.append(time.monotonic() - before)
    assert min(silences) <= PING_SECONDS  # the other silences may be a busy machine's


def test_a_busy_stream_is_never_pinged() -> None:
    followed = Followed(ping_seconds=0.4)
    events = followed.follow()
    clock = gevent.spawn(followed.followers.run)

    def write() -> None:
        for _ in range(30):
            followed.writer.append(Content("a"))
            gevent.sleep(0.02)
        followed.writer.append(DONE)

    gevent.spawn(write)
    assert read(events).pings == 0
    clock.kill()


def test_a_status_counts_as_a_sign_of_life(followed: Followed) -> None:
    followed.writer.append(START)
    events = followed.follow()
    take(events)
    events.ping()
    followed.writer.announce(RETRYING)
    assert take(events) is RETRYING
    assert is_quiet(events)


def test_a_ping_that_was_due_while_events_came_is_not_sent_after_them(followed: Followed) -> None:
    events = followed.follow()
    events.ping()
    followed.writer.append(START)
    assert take(events) is not PING
    assert is_quiet(events)


def test_what_no_reader_sees_is_no_sign_of_life(followed: Followed) -> None:
    events = followed.follow()
    take(events)
    sent_at = events.sent_at
    events.ping()
    followed.writer.append(Attempt(number=2, provider="p", model="m"))

    assert take(events) is not PING
    assert events.sent_at == sent_at
    assert take(events) is PING


def test_a_revoked_login_ends_the_stream_at_a_ping_without_a_terminal_event(
    followed: Followed,
) -> None:
    logins = [True, True, False]
    request = ReaderRequest(user_id="user", may_go_on=lambda: logins.pop(0))
    followed.writer.append(START)

    story = read(followed.follow(request))

    assert (story.seqs, story.terminals, logins) == ([1], [], [])
    assert story.pings == 3


def test_a_login_is_not_looked_at_for_every_event(followed: Followed) -> None:
    asked: list[bool] = []

    def may_go_on() -> bool:
        asked.append(True)
        return True

    events = followed.follow(ReaderRequest(user_id="user", may_go_on=may_go_on))
    for _ in range(50):
        followed.writer.append(Content("a"))
        take(events)
    followed.writer.append(DONE)
    read(events)

    assert asked == []


def test_closed_readers_are_not_pinged_any_more(followed: Followed) -> None:
    asked: list[bool] = []

    def may_go_on() -> bool:
        asked.append(True)
        return True

    followed.follow(ReaderRequest(user_id="user", may_go_on=may_go_on)).close()
    other = followed.follow()
    for _ in range(2):
        take(other)
    assert asked == []

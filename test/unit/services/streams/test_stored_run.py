"""A run whose log is gone, read from what the store kept."""

from worlds.followed import Followed, read
from worlds.log_events import DONE

from services.domain.events import EventId, Resume
from services.streams.follow import ReaderRequest
from services.streams.stored import StoredRun

END = EventId("run", 2, 57)


def stored() -> StoredRun:
    """Describe a run that ended with its 57th event, under its second owner."""
    return StoredRun.of(END, DONE, "the whole text")


def test_only_the_terminal_event_is_left_at_its_own_place() -> None:
    run = stored()
    batch = run.after(0)
    assert batch is not None
    assert (batch.run_id, batch.epoch, batch.first_seq, batch.events) == ("run", 2, 57, [DONE])
    assert run.after(56) is batch
    assert run.after(57) is None
    assert (run.top, run.has_ended, run.is_abandoned, run.status()) == (57, True, False, None)


def test_the_whole_text_is_there() -> None:
    assert stored().text() == "the whole text"


def test_only_the_terminal_event_is_a_cursor_that_leaves_no_hole() -> None:
    run = stored()
    assert run.knows(END)
    assert not run.knows(EventId("run", 2, 56))
    assert not run.knows(EventId("run", 1, 57))
    assert not run.knows(EventId("run", 2, 58))
    assert not run.knows(EventId("other", 2, 57))


def test_a_reader_gets_the_text_and_then_the_end() -> None:
    followers = Followed().followers
    greeting = Resume(run_id="run", recovered=False, content="the whole text")
    events = followers.follow(stored(), ReaderRequest(user_id="user", after=56, greeting=greeting))

    story = read(events)

    assert story.greetings == [greeting]
    assert story.events == [(57, DONE)]


def test_a_reader_that_has_seen_the_end_is_not_kept_waiting() -> None:
    followers = Followed().followers
    events = followers.follow(stored(), ReaderRequest(user_id="user", after=57))
    assert read(events).events == []
    events.close()
    assert len(followers) == 0

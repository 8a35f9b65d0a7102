"""What every run log promises to its writers and readers."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import gevent
import pytest
from gevent.event import Event
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.log_events import (
    ATTEMPT,
    DONE,
    ENDS,
    ERROR,
    EVENTS,
    FAILOVER,
    PATIENCE_SECONDS,
    RETRYING,
    START,
    events_of,
    read_up_to,
    text_of,
)
from worlds.redis_logs import redis_log
from worlds.stores import new_id

from services.domain.events import Content, EventId, Reasoning, RunEvent, Terminal
from services.domain.runs import Piece
from services.redis.worker_redis import WorkerRedis
from services.stores.sqlite.store import SqliteStore
from services.streams.base import LogReader, LogWriter, RunLog
from services.streams.memory import MemoryRunLog

TEXT = "Grüße, 你好 👋🏽"
ANSWER: list[RunEvent] = [
    START,
    Reasoning("hm"),
    Content("Grüße, "),
    ATTEMPT,
    FAILOVER,
    Reasoning("so"),
    Content("你好 👋🏽"),
    DONE,
]


@pytest.fixture(params=["memory", "redis"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunLog]:
    """Give each kind of log in turn, empty."""
    if request.param == "memory":
        yield MemoryRunLog(keep_seconds=900, max_bytes=1 << 24)
        return
    redis = request.getfixturevalue("redis_server")
    with (
        closing(SqliteStore.open(tmp_path)) as store,
        closing(redis_log(WorkerRedis(redis.url), store.runs)) as log,
    ):
        log.start(lambda _: None)
        yield log


@pytest.fixture
def writer(log: RunLog) -> LogWriter:
    """Begin a run's log."""
    return log.open(new_id(), 1)


def reader_of(log: RunLog, writer: LogWriter) -> LogReader:
    """Open a log that must be there, once all that was appended can be read."""
    log.flush(PATIENCE_SECONDS)
    reader = log.reader(writer.run_id)
    assert reader is not None
    assert reader.top == writer.top
    return reader


def write(writer: LogWriter, events: list[RunEvent]) -> list[int]:
    """Append events; give their numbers."""
    return [writer.append(event) for event in events]


def test_events_are_numbered_from_one_without_a_gap(writer: LogWriter) -> None:
    assert writer.top == 0
    assert write(writer, ANSWER) == list(range(1, len(ANSWER) + 1))
    assert writer.top == len(ANSWER)


def test_all_events_can_be_read_while_the_run_lives(log: RunLog, writer: LogWriter) -> None:
    write(writer, ANSWER[:-1])

    reader = reader_of(log, writer)

    assert events_of(read_up_to(reader, 7)) == ANSWER[:-1]
    assert (reader.has_ended, reader.top) == (False, 7)
    assert reader.after(7) is None


def test_all_events_can_be_read_after_the_end(log: RunLog, writer: LogWriter) -> None:
    write(writer, ANSWER)

    reader = reader_of(log, writer)

    assert events_of(read_up_to(reader, 8)) == ANSWER
    assert (reader.has_ended, reader.top) == (True, 8)
    assert reader.after(8) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(EVENTS, max_size=40), ENDS)
def test_the_end_changes_nothing_of_what_was_written(
    log: RunLog, events: list[RunEvent], end: Terminal
) -> None:
    writer = log.open(new_id(), 1)
    write(writer, events)
    reader = reader_of(log, writer)
    text = reader.text()
    writer.append(end)
    log.flush(PATIENCE_SECONDS)

    everything = [*events, end]
    assert reader.text() == text == text_of(events)
    for seq in range(len(everything) + 1):
        assert events_of(read_up_to(reader, len(everything), seq)) == everything[seq:]


def test_a_long_log_comes_in_bounded_batches(log: RunLog, writer: LogWriter) -> None:
    events: list[RunEvent] = [Content(f"{number} ") for number in range(5_000)]
    write(writer, events)
    reader = reader_of(log, writer)

    living = read_up_to(reader, 5_000)
    writer.append(DONE)
    ended = read_up_to(reader_of(log, writer), 5_001)

    assert events_of(living) == events
    assert events_of(ended) == [*events, DONE]
    assert max(len(batch.events) for batch in [*living, *ended]) <= 1_000


def test_the_text_is_the_answer_without_the_reasoning(log: RunLog, writer: LogWriter) -> None:
    write(writer, ANSWER[:-1])
    assert [writer.text(), reader_of(log, writer).text()] == [TEXT, TEXT]
    writer.append(DONE)
    assert [writer.text(), reader_of(log, writer).text()] == [TEXT, TEXT]


@pytest.mark.parametrize("end", [DONE, ERROR])
def test_nothing_can_be_appended_after_the_end(
    log: RunLog, writer: LogWriter, end: Terminal
) -> None:
    write(writer, [START, end])

    with pytest.raises(ValueError, match="has ended"):
        writer.append(Content("late"))

    assert events_of(read_up_to(reader_of(log, writer), 2)) == [START, end]


def test_a_piece_is_the_text_since_the_last_one(writer: LogWriter) -> None:
    assert writer.piece_after(0) is None
    write(writer, [START, Content("a"), Reasoning("x"), Content("b")])
    assert writer.piece_after(0) == Piece(4, "ab")
    write(writer, [Content("c"), ATTEMPT])
    assert writer.piece_after(4) == Piece(6, "c")
    assert writer.piece_after(6) is None
    writer.append(DONE)
    assert writer.piece_after(2) == Piece(7, "bc")


def test_every_append_announcement_and_abandonment_wakes(log: RunLog, writer: LogWriter) -> None:
    reader = reader_of(log, writer)
    news = Event()
    reader.subscribe(news.set)
    deeds = [
        lambda: writer.append(Content("a")),
        lambda: writer.announce(RETRYING),
        lambda: writer.announce(None),
        writer.abandon,
    ]
    for deed in deeds:
        deed()
        with gevent.Timeout(PATIENCE_SECONDS):
            news.wait()
        news.clear()


def test_nobody_is_woken_after_leaving_however_often(log: RunLog, writer: LogWriter) -> None:
    reader = reader_of(log, writer)
    gone, here = Event(), Event()
    leave = reader.subscribe(gone.set)
    reader.subscribe(here.set)
    leave()
    leave()
    writer.append(DONE)

    with gevent.Timeout(PATIENCE_SECONDS):
        here.wait()
    assert not gone.is_set()


def test_the_status_is_a_present_value_and_no_history(log: RunLog, writer: LogWriter) -> None:
    reader = reader_of(log, writer)
    assert reader.status() is None
    writer.announce(RETRYING)
    assert (reader.status(), reader.top, reader.after(0)) == (RETRYING, 0, None)
    writer.announce(None)
    assert reader.status() is None


def test_the_end_takes_the_status_with_it(log: RunLog, writer: LogWriter) -> None:
    writer.announce(RETRYING)
    writer.append(ERROR)
    assert reader_of(log, writer).status() is None


def test_readers_of_an_abandoned_log_are_told(log: RunLog, writer: LogWriter) -> None:
    writer.append(START)
    reader = reader_of(log, writer)
    assert not reader.is_abandoned
    writer.abandon()

    assert (reader.is_abandoned, reader.has_ended) == (True, False)


def test_a_log_that_has_ended_cannot_be_abandoned(log: RunLog, writer: LogWriter) -> None:
    write(writer, [START, DONE])
    reader = reader_of(log, writer)
    writer.abandon()

    assert not reader.is_abandoned
    assert events_of(read_up_to(reader, 2)) == [START, DONE]


def test_only_a_cursor_within_this_log_is_known(log: RunLog, writer: LogWriter) -> None:
    write(writer, [START, Content("a")])
    reader, run_id = reader_of(log, writer), writer.run_id

    assert [seq for seq in range(5) if reader.knows(EventId(run_id, 1, seq))] == [0, 1, 2]
    assert not reader.knows(EventId(run_id, 2, 1))
    assert not reader.knows(EventId(new_id(), 1, 1))
    writer.append(DONE)
    reader = reader_of(log, writer)
    assert [seq for seq in range(5) if reader.knows(EventId(run_id, 1, seq))] == [0, 1, 2, 3]


def test_logs_of_two_runs_do_not_mix(log: RunLog, writer: LogWriter) -> None:
    other = log.open(new_id(), 1)
    write(writer, [START, Content("mine")])
    write(other, [START, Content("yours"), DONE])

    assert reader_of(log, writer).text() == "mine"
    assert not reader_of(log, writer).has_ended
    assert reader_of(log, other).text() == "yours"


def test_a_run_without_a_log_has_no_reader(log: RunLog) -> None:
    assert log.reader(new_id()) is None

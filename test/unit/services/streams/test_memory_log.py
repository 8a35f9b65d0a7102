"""The memory log: what it costs, what it keeps, and for how long."""

import gc
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.log_events import DONE, ENDS, ERROR, EVENTS, START, events_of, read_up_to
from worlds.stores import new_id

from services.domain.costs import Usage
from services.domain.events import Content, RunEvent, Terminal
from services.streams.base import LogReader, LogWriter
from services.streams.memory import MemoryRunLog
from services.streams.packed import PackedEvents


def ended(log: MemoryRunLog, words: int = 10, run_id: str = "") -> str:
    """Write a run of this many words to its end; give its id."""
    ids = {name: new_id() for name in ("session_id", "message_id", "user_message_id")}
    writer = log.open(run_id or new_id(), 1)
    writer.append(replace(START, run_id=writer.run_id, created_at=datetime.now(UTC), **ids))
    for number in range(words):
        writer.append(Content(f"word{number} "))
    usage = Usage(input_tokens=1000 + words, output_tokens=1000 + words)
    writer.append(replace(DONE, message_id=ids["message_id"], usage=usage, total_ms=1000 + words))
    return writer.run_id


def reader_of(log: MemoryRunLog, writer: LogWriter) -> LogReader:
    reader = log.reader(writer.run_id)
    assert reader is not None
    return reader


@given(st.lists(EVENTS, max_size=60), ENDS)
def test_packed_events_come_out_as_they_went_in(events: list[RunEvent], end: Terminal) -> None:
    packed = PackedEvents([*events, end])

    assert len(packed) == len(events) + 1
    assert packed.slice(0, len(packed)) == [*events, end]
    assert packed.slice(1, 3) == [*events, end][1:3]


@pytest.mark.parametrize("words", [10, 100, 1000, 10_000])
def test_an_ended_log_takes_what_it_says(words: int) -> None:
    log = MemoryRunLog(900, 1 << 30)
    count = max(3, 5_000 // words)
    ended(log, words)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    claimed_before = log.ended_bytes
    for _ in range(count):
        ended(log, words)
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert used == pytest.approx(log.ended_bytes - claimed_before, rel=0.15)


def test_replays_of_an_ended_log_leave_nothing_behind() -> None:
    log = MemoryRunLog(900, 1 << 30)
    run_id = ended(log, 1000)
    reader = log.reader(run_id)
    assert reader is not None
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for batch in read_up_to(reader, 1002):
        batch.encoded["sse"] = b"x" * 100_000
    del batch
    gc.collect()
    left = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert left < 5_000


def test_readers_at_the_same_place_share_a_batch() -> None:
    log = MemoryRunLog(900, 1 << 20)
    writer = log.open(new_id(), 1)
    first, second = reader_of(log, writer), reader_of(log, writer)
    first.subscribe(lambda: None)
    writer.append(START)

    assert first.after(0) is second.after(0)
    writer.append(Content("a"))
    assert first.after(1) is second.after(1)
    writer.append(ERROR)
    assert first.after(2) is second.after(2)


def test_the_log_that_was_read_longest_ago_goes_first() -> None:
    log = MemoryRunLog(900, 8_000)
    a, b, c = (ended(log) for _ in range(3))
    log.reader(a)
    d, e = (ended(log) for _ in range(2))

    there = [run_id for run_id in (a, b, c, d, e) if log.reader(run_id) is not None]
    assert there == [a, c, d, e]


def test_all_ended_logs_stay_within_their_bytes() -> None:
    log = MemoryRunLog(900, 50_000)
    for words in [10, 1000, 1, 100] * 25:
        ended(log, words)
        assert log.ended_bytes <= 50_000
    for number in range(100):
        ended(log, 1, f"run-{number}")
    assert log.reader("run-99") is not None


def test_a_log_larger_than_all_bytes_is_not_kept() -> None:
    log = MemoryRunLog(900, 3_000)
    kept = ended(log)
    assert log.reader(ended(log, 1000)) is None
    assert (log.reader(kept), log.ended_bytes) == (None, 0)


def test_living_logs_are_never_dropped() -> None:
    log = MemoryRunLog(0, 1_024)
    writer = log.open(new_id(), 1)
    for number in range(1000):
        writer.append(Content(str(number)))
    ended(log, 1000)
    log.sweep()
    assert reader_of(log, writer).top == 1000


def test_an_old_log_is_gone_when_it_is_asked_for() -> None:
    log = MemoryRunLog(0.02, 1 << 20)
    run_id = ended(log)
    assert log.reader(run_id) is not None
    gevent.sleep(0.03)
    assert (log.reader(run_id), log.ended_bytes) == (None, 0)


def test_sweeping_drops_old_logs_that_nobody_asks_for() -> None:
    log = MemoryRunLog(0.05, 1 << 20)
    ended(log)
    gevent.sleep(0.06)
    young = ended(log)
    log.sweep()
    assert log.ended_bytes < 2_500
    assert log.reader(young) is not None


def test_a_reader_that_holds_a_dropped_log_reads_it_to_its_end() -> None:
    log = MemoryRunLog(0, 1_024)
    writer = log.open(new_id(), 1)
    writer.append(START)
    reader = reader_of(log, writer)
    writer.append(Content("kept"))
    writer.append(DONE)

    assert log.reader(writer.run_id) is None
    assert events_of(read_up_to(reader, 3)) == [START, Content("kept"), DONE]
    assert reader.text() == "kept"


def test_an_abandoned_log_cannot_be_opened_any_more() -> None:
    log = MemoryRunLog(900, 1 << 20)
    writer = log.open(new_id(), 1)
    writer.append(START)

    writer.abandon()

    assert log.reader(writer.run_id) is None

"""Events as frames, to the byte."""

import json
from dataclasses import replace

import gevent
import pytest
from hypothesis import given
from worlds.followed import Followed
from worlds.log_events import ATTEMPT, DONE, ERROR, FAILOVER, PIECES, RETRYING, START

from routes.transports.sse import PING_FRAME, frames
from services.domain.events import Content, Reasoning, Resume, RunEvent, Terminal
from services.streams.follow import ReaderRequest


def frame_of(event: RunEvent) -> bytes:
    """Write the only event of a log as a frame."""
    followed = Followed()
    followed.writer.append(event)
    return next(frames(followed.follow()))


def data_of(frame: bytes) -> object:
    """Parse the data of a frame that has an id."""
    first, second = frame.removesuffix(b"\n\n").split(b"\n")
    assert second.startswith(b"id: ")
    return json.loads(first.removeprefix(b"data: "))


def test_a_piece_is_two_lines_and_an_empty_one() -> None:
    assert frame_of(Content("Grüße")) == (
        'data: {"type":"content","content":"Grüße"}\nid: run.1.1\n\n'.encode()
    )


@given(PIECES)
def test_any_text_stays_in_its_line_and_comes_out_as_it_went_in(text: str) -> None:
    for event, kind in ((Content(text), "content"), (Reasoning(text), "reasoning")):
        frame = frame_of(event)
        assert len(frame.splitlines()) == len(frame.decode().splitlines()) == 3
        assert data_of(frame) == {"type": kind, "content": text}


def test_the_start_names_what_the_client_needs() -> None:
    assert data_of(frame_of(START)) == {
        "type": "start",
        "session_id": "session",
        "run_id": "run",
        "message_id": "answer",
        "user_message_id": "question",
        "provider": "scripted",
        "model": "large",
        "created_at": "2026-11-20T00:00:00Z",
    }


@pytest.mark.parametrize(("end", "kind"), [(DONE, "done"), (ERROR, "error")])
def test_the_end_holds_the_whole_text(end: Terminal, kind: str) -> None:
    followed = Followed()
    for event in (START, Content("one "), Reasoning("hm"), Content("two"), end):
        followed.writer.append(event)
    last = next(frames(followed.follow(ReaderRequest(user_id="user", after=4))))
    data = data_of(last)
    assert isinstance(data, dict)
    assert (data["type"], data["full_content"], data["persisted"]) == (kind, "one two", True)


def test_an_event_of_history_has_an_id_and_a_passing_one_has_none() -> None:
    followed = Followed()
    followed.writer.append(FAILOVER)
    followed.writer.announce(RETRYING)
    greeting = Resume(run_id="run", recovered=True)
    told = frames(followed.follow(ReaderRequest(user_id="user", greeting=greeting)))
    assert next(told) == b'data: {"type":"resume","run_id":"run","recovered":true}\n\n'
    failover = next(told)
    assert failover.startswith(b'data: {"type":"status","state":"failover"')
    assert failover.endswith(b"}\nid: run.1.1\n\n")
    assert next(told) == b'data: {"type":"status","state":"retrying","detail":{"delay":1}}\n\n'


def test_a_greeting_that_recovered_nothing_holds_the_text_and_an_empty_id() -> None:
    greeting = Resume(run_id="run", recovered=False, content="so\nfar")
    told = frames(Followed().follow(ReaderRequest(user_id="user", greeting=greeting)))
    assert next(told) == (
        b'data: {"type":"resume","run_id":"run","recovered":false,"content":"so\\nfar"}\nid:\n\n'
    )


SEPARATORS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""What `str.splitlines` takes for the end of a line, beside the carriage return and line feed."""


@pytest.mark.parametrize("text", [*SEPARATORS, f"“ä”{SEPARATORS}你", SEPARATORS * 2, "Â\xa0â€¨"])
def test_no_event_of_any_kind_holds_what_readers_take_for_the_end_of_a_line(text: str) -> None:
    followed = Followed()
    greeting = Resume(run_id="run", recovered=False, content=text)
    followed.writer.append(replace(START, model=text))
    followed.writer.announce(replace(RETRYING, detail={"code": text}))
    told = frames(followed.follow(ReaderRequest(user_id="user", greeting=greeting)))
    written = [next(told), next(told), next(told)]
    failover, end = replace(FAILOVER, detail={"model": text}), replace(ERROR, message=text)
    for event in (failover, Content(text), Reasoning(text), end):
        followed.writer.append(event)
    written += told
    lines = b"".join(written).decode().splitlines()

    assert b"".join(written) == "".join(f"{line}\n" for line in lines).encode()
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    resume, start, retrying, other, content, reasoning, error = events
    assert (resume["content"], retrying["detail"]["code"]) == (text, text)
    assert (start["model"], other["detail"]["model"]) == (text, text)
    assert (content["content"], reasoning["content"]) == (text, text)
    assert (error["message"], error["full_content"]) == (text, text)


def test_a_ping_is_a_comment() -> None:
    events = Followed().follow()
    events.ping()
    assert next(frames(events)) == PING_FRAME == b": ping\n\n"


def test_what_came_during_a_slow_write_is_one_write() -> None:
    followed = Followed()
    told = frames(followed.follow())
    for event in (START, Content("a"), Content("b")):
        followed.writer.append(event)
    assert next(told).count(b"\n\n") == 3


def test_internal_events_are_not_sent_and_end_nothing() -> None:
    followed = Followed()
    followed.writer.append(ATTEMPT)
    gevent.spawn_later(0.01, lambda: [followed.writer.append(e) for e in (Content("a"), DONE)])
    with gevent.Timeout(10):
        written = list(frames(followed.follow()))
    assert b"".join(written).count(b"id: run.1.2\n") == 1
    assert b"attempt" not in b"".join(written)
    assert all(written)


def test_readers_at_the_same_place_get_the_same_bytes() -> None:
    followed = Followed()
    readers = [frames(followed.follow(ReaderRequest(user_id=f"user-{n}"))) for n in range(3)]
    followed.writer.append(START)
    first, second, third = (next(reader) for reader in readers)
    assert first is second is third
    followed.writer.append(DONE)
    first, second, third = (next(reader) for reader in readers)
    assert first is second is third

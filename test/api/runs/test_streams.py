"""The stream that answers a message: headers, frames, and the fields of every event."""

from datetime import datetime

import pytest
from api.accounts import MakeApp
from api.calls import SLOWEST, ApiUser
from api.chat_client import Answer

USAGE = {"input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "source"}
START = {
    *("type", "session_id", "run_id", "message_id", "user_message_id"),
    *("provider", "model", "created_at"),
}
DONE = {
    *("type", "message_id", "full_content", "finish_reason", "usage", "cost"),
    *("provider", "model", "ttft_ms", "total_ms", "persisted"),
}
ERROR = {
    *("type", "code", "message", "retryable", "message_id", "full_content"),
    *("usage", "cost", "persisted"),
}


def answer_to(ann: ApiUser, command: str) -> Answer:
    return ann.send(ann.new_session(), f"/slow 0 {command}").answer()


def test_a_stream_is_headed_as_every_proxy_must_see_it(ann: ApiUser) -> None:
    session = ann.new_session()
    stream = ann.send(session, "/slow 0 /echo x")

    start = stream.answer().frames[0].event

    assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["Cache-Control"] == "no-cache, no-transform"
    assert stream.headers["X-Accel-Buffering"] == "no"
    assert stream.headers["X-Run-Id"] == start["run_id"]
    assert "Content-Length" not in stream.headers


def test_frames_are_one_line_of_data_and_an_id(ann: ApiUser) -> None:
    stream = ann.send(ann.new_session(), "/slow 0 /echo a\r\nb\u2028c\u2029d\x85e\n\nf")

    raw = b"".join(stream.response.iter_encoded())

    pause, _, frames = raw.decode().removesuffix("\n\n").partition("\n")
    assert pause == "retry: 1000"
    for frame in frames.split("\n\n"):
        data, event_id = frame.splitlines()  # it splits at whatever looks like the end of a line
        assert event_id.startswith("id: ")
        assert data.startswith("data: {")
        assert not any(mark in frame for mark in "\r\0")


def test_the_pieces_are_the_text_byte_for_byte(ann: ApiUser) -> None:
    text = ' Grüße,\n\n你好 \t👋🏽 \\ " \u2028\u2029\x85 end\r\n '

    answer = answer_to(ann, f"/echo {text}")

    assert answer.text == text
    assert answer.types() == ["start", *["content"] * (len(answer.frames) - 2), "done"]
    assert len({frame.id for frame in answer.frames}) == len(answer.frames)


def test_a_start_names_everything_that_was_made(ann: ApiUser) -> None:
    session = ann.new_session()

    start = ann.ask(session).frames[0].event

    question, answer = ann.messages(session)
    assert set(start) == START
    assert start["session_id"] == session
    assert start["user_message_id"] == question["id"]
    assert start["message_id"] == answer["id"]
    assert (start["provider"], start["model"]) == ("scripted", "scripted-1")
    assert start["created_at"].endswith("Z")
    assert datetime.fromisoformat(start["created_at"])


def test_a_done_tells_the_whole_answer_and_what_it_took(ann: ApiUser) -> None:
    answer = answer_to(ann, "/echo one two")

    done = answer.terminal
    assert done is not None
    assert set(done) == DONE
    assert done["message_id"] == answer.frames[0].event["message_id"]
    assert (done["full_content"], done["finish_reason"]) == ("one two", "stop")
    assert set(done["usage"]) == USAGE
    assert (done["cost"], done["persisted"]) == (None, True)
    assert 0 <= done["ttft_ms"] <= done["total_ms"]


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        ("/fail before /echo a b", "upstream_overloaded", ""),
        ("/fail during /echo a b", "upstream_error", "a "),
        ("/cut /echo a b", "upstream_cut", "a "),
    ],
)
def test_an_error_tells_what_there_is_of_the_answer(
    make_app: MakeApp, command: str, code: str, text: str
) -> None:
    ann = ApiUser.of(make_app(PROVIDER_RETRIES="0"))

    answer = answer_to(ann, command)

    error = answer.terminal
    assert error is not None
    assert set(error) == ERROR
    assert (error["type"], error["code"], error["full_content"]) == ("error", code, text)
    assert answer.text == text
    assert error["message_id"] == answer.frames[0].event["message_id"]
    assert error["retryable"] is True
    assert error["persisted"] is True
    assert set(error["usage"]) == USAGE


def test_what_a_model_thinks_aloud_is_no_part_of_the_answer(ann: ApiUser) -> None:
    session = ann.new_session()
    answer = ann.send(session, "/slow 0 /reasoning /echo x").answer()

    thoughts = [frame.event for frame in answer.frames if frame.type == "reasoning"]

    assert len(thoughts) > 5
    assert all(set(thought) == {"type", "content"} for thought in thoughts)
    assert answer.text == "x"
    assert ann.messages(session)[-1]["content"] == "x"


def test_a_retry_is_told_and_is_no_history(make_app: MakeApp) -> None:
    app = make_app(PROVIDER_RETRIES="1", RETRY_MIN_SECONDS="0.05", RETRY_MAX_SECONDS="0.1")
    ann = ApiUser.of(app)
    stream = ann.send(ann.new_session(), "/slow 0 /fail before")

    answer = stream.answer()

    (retry,) = [frame for frame in answer.frames if frame.type == "status"]
    assert retry.id is None
    assert set(retry.event) == {"type", "state", "detail"}
    assert retry.event["state"] == "retrying"
    assert retry.event["detail"]["provider"] == "scripted"
    assert 0 < retry.event["detail"]["delay"] <= 0.1
    again = ann.follow(stream.headers["X-Run-Id"]).answer()
    assert again.types() == ["resume", "start", "error"]


def test_an_answer_may_be_empty(ann: ApiUser) -> None:
    answer = answer_to(ann, "/empty")

    assert answer.types() == ["start", "done"]
    assert answer.terminal is not None
    assert answer.terminal["full_content"] == ""
    assert answer.terminal["ttft_ms"] is None


def test_a_silent_stream_gets_pings_before_the_first_word_too(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(PING_SECONDS="0.05"))
    stream = ann.send(ann.new_session(), SLOWEST)
    chunks = stream.response.iter_encoded()

    first = next(chunks)
    second = next(chunks)
    stream.close()

    assert b'"type":"start"' in first
    assert second == b": ping\n\n"


def test_closing_the_connection_stops_nothing_in_a_run(ann: ApiUser) -> None:
    stream = ann.send(ann.new_session(), "/slow 2 /long 30")
    stream.read(2)
    stream.close()

    answer = ann.follow(stream.headers["X-Run-Id"]).answer()

    assert answer.terminal is not None
    assert answer.terminal["finish_reason"] == "stop"
    assert len(answer.types()) == 1 + 1 + 30 + 1


def test_a_stream_ends_without_a_terminal_event_when_its_login_has_ended(
    make_app: MakeApp,
) -> None:
    ann = ApiUser.of(make_app(PING_SECONDS="0.05"))
    stream = ann.send(ann.new_session(), SLOWEST)

    ann.post("/api/auth/logout")

    assert [frame.type for frame in stream] == ["start"]

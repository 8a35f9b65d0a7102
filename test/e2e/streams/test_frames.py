"""The frames of a stream, to the letter, as curl sees them."""

import json
import re
import subprocess

from api.chat_client import REALTIME, ChatClient
from stack.server_process import ServerProcess, StartServer

EVENT_ID = r"[0-9a-f-]{36}\.\d+\.\d+"


def test_a_stream_is_frames_of_data_and_id_and_nothing_else(
    shared_server: ServerProcess,
) -> None:
    client = ChatClient.registered(shared_server.url)
    session = client.new_session()
    with client.send(session, "/echo zwei Wörter\r\nund\u2028\u2029\x85你好 👋🏽") as reader:
        body = reader.body().decode()

    assert body.endswith("\n\n")
    assert body.splitlines() == body.split("\n")[:-1]
    pause, _, frames = body.removesuffix("\n\n").partition("\n")
    assert pause == "retry: 1000"
    for frame in frames.split("\n\n"):
        assert re.fullmatch(rf"data: \{{[^\r\n]*\}}\nid: {EVENT_ID}", frame), frame


def test_the_events_of_an_answer_have_the_fields_of_the_contract(
    shared_server: ServerProcess,
) -> None:
    client = ChatClient.registered(shared_server.url)
    session = client.new_session()
    with client.send(session, "/echo a b") as reader:
        frames = list(reader)
    start, *pieces, done = [frame.event for frame in frames]

    assert set(start) == {
        "type",
        "session_id",
        "run_id",
        "message_id",
        "user_message_id",
        "provider",
        "model",
        "created_at",
    }
    assert start["session_id"] == session
    assert start["run_id"] == reader.headers["X-Run-Id"]
    assert all(set(piece) == {"type", "content"} for piece in pieces)
    assert set(done) == {
        "type",
        "message_id",
        "full_content",
        "finish_reason",
        "usage",
        "cost",
        "provider",
        "model",
        "ttft_ms",
        "total_ms",
        "persisted",
    }
    assert "".join(piece["content"] for piece in pieces) == done["full_content"] == "a b"
    assert (done["finish_reason"], done["persisted"]) == ("stop", True)
    assert set(done["usage"]) == {
        "input_tokens",
        "output_tokens",
        "cached_tokens",
        "reasoning_tokens",
        "source",
    }
    assert [frame.id for frame in frames] == [
        f"{start['run_id']}.1.{seq}" for seq in range(1, len(frames) + 1)
    ]


def test_a_stream_comes_with_the_headers_that_keep_proxies_from_buffering(
    shared_server: ServerProcess,
) -> None:
    client = ChatClient.registered(shared_server.url)
    with client.send(client.new_session(), "/echo x") as reader:
        headers = reader.headers

    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache, no-transform"
    assert headers["X-Accel-Buffering"] == "no"


def test_an_idle_stream_gets_comments_before_the_first_token_too(
    start_server: StartServer,
) -> None:
    server = start_server({"PING_SECONDS": "0.2"})
    client = ChatClient.registered(server.url)
    with client.send(client.new_session(), "/slow 2000 /echo late") as reader:
        raw = reader.body()

    before, _, after = raw.partition(b'"type":"content"')
    assert before.count(b"\n\n: ping\n\n") >= 3
    assert after.count(b'"type":"done"') == 1


def test_curl_reads_an_answer_word_by_word(shared_server: ServerProcess) -> None:
    client = ChatClient.registered(shared_server.url)
    url = f"{shared_server.url}{REALTIME}/sessions/{client.new_session()}/stream"
    command = ["curl", "-sN", url, "-H", f"Authorization: Bearer {client.token}"]
    body = json.dumps({"content": "/slow 5 /long 20"})
    output = subprocess.run(
        [*command, "-H", "Content-Type: application/json", "-d", body],
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    events = [json.loads(line[6:]) for line in output.splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events] == ["start", *["content"] * 20, "done"]

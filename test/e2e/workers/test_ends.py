"""What becomes of an answer when the server is killed, told to stop, or started twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from api.chat_client import Answer, ChatClient, EventReader
from source_tree import ROOT
from stack.columns import EMBEDDED, SCALED, Column, only_on
from stack.server_process import ServerProcess, StartServer

WORD_SECONDS = 0.02
LONG = "/long 3000 /slow 20"


def _read_for(reader: EventReader, answer: Answer, seconds: float) -> None:
    """Read frames of a running answer for a while."""
    deadline = time.monotonic() + seconds
    for frame in reader:
        answer.take(frame)
        if time.monotonic() > deadline:
            return


@only_on(EMBEDDED, "the log is in memory, and goes with the process")
def test_a_killed_server_loses_at_most_a_second_of_an_answer(server: ServerProcess) -> None:
    client = ChatClient.registered(server.url)
    session = client.new_session()
    seen = Answer()
    with client.send(session, LONG) as reader:
        _read_for(reader, seen, 2.5)
        server.kill()
    run = reader.headers["X-Run-Id"]
    server.start()

    asked, partial = client.messages(session)
    assert asked["content"] == LONG
    assert partial["status"] == "interrupted"
    assert seen.text.startswith(partial["content"]) or partial["content"].startswith(seen.text)
    words_lost = len(seen.text.split()) - len(partial["content"].split())
    assert words_lost * WORD_SECONDS <= 1.0

    with client.follow(run, seen.last_id) as reader:
        after = reader.take_into(Answer())
    assert after.types() == ["resume", "error"]
    assert after.text == partial["content"]
    assert after.terminal is not None
    assert (after.terminal["code"], after.terminal["retryable"]) == ("interrupted", True)
    assert after.terminal["full_content"] == partial["content"]


@only_on(SCALED, "the log is in Redis, and outlives who wrote it")
def test_a_killed_server_loses_no_word_that_a_reader_saw(
    start_server: StartServer, column: Column
) -> None:
    server = start_server(column.soon)
    client = ChatClient.registered(server.url)
    session = client.new_session()
    seen = Answer()
    with client.send(session, LONG) as reader:
        _read_for(reader, seen, 2.5)
        server.kill()
    run, text = reader.headers["X-Run-Id"], seen.text
    server.start()

    client.read_on(run, seen)

    partial = client.messages(session)[-1]
    assert seen.terminal is not None
    assert (seen.terminal["code"], seen.terminal["retryable"]) == ("interrupted", True)
    assert seen.terminal["full_content"] == seen.text == partial["content"]
    assert partial["status"] == "interrupted"
    assert seen.text.startswith(text)
    resumed = seen.types().index("resume")
    assert seen.frames[resumed].event == {"type": "resume", "run_id": run, "recovered": True}
    assert client.read_on(run).text == seen.text


@only_on(EMBEDDED, "who starts next knows that it is alone, and ends the killed one's answers")
def test_a_session_goes_on_after_a_kill(server: ServerProcess) -> None:
    client = ChatClient.registered(server.url)
    session = client.new_session()
    client.begin(session, LONG)
    server.kill()
    server.start()

    with client.send(session, "/echo back again") as reader:
        answer = reader.take_into(Answer())
    assert answer.text == "back again"


@only_on(SCALED, "others first have to be sure that the killed server is dead")
def test_a_session_goes_on_once_a_killed_server_is_taken_for_dead(
    start_server: StartServer, column: Column
) -> None:
    server = start_server(column.soon)
    client = ChatClient.registered(server.url)
    session = client.new_session()
    run = client.begin(session, LONG)
    server.kill()
    server.start()

    with client.send(session, "/echo too early") as reader:
        assert json.loads(reader.body())["active_run_id"] == run
    assert client.read_on(run).terminal is not None
    with client.send(session, "/echo back again") as reader:
        answer = reader.take_into(Answer())
    assert answer.text == "back again"


def test_a_killed_worker_is_replaced_and_its_runs_are_settled(
    start_server: StartServer, column: Column
) -> None:
    server = start_server(column.soon)
    client = ChatClient.registered(server.url)
    run = client.begin(client.new_session(), LONG)
    for worker in server.members()[1:]:
        worker.kill()

    answer = client.read_on(run)

    assert answer.terminal is not None
    assert answer.terminal["code"] == "interrupted"


def test_sigterm_ends_every_reader_with_a_terminal_event_in_time(
    start_server: StartServer,
) -> None:
    server = start_server({"GRACEFUL_TIMEOUT": "8"})
    client = ChatClient.registered(server.url)
    sessions = [client.new_session() for _ in range(5)]
    readers = [client.send(session, LONG) for session in sessions]
    short = client.new_session()
    reader_of_short = client.send(short, "/long 50 /slow 20")
    for reader in readers:
        reader.first_bytes()

    started = time.monotonic()
    status = server.stop()
    took = time.monotonic() - started
    answers = [reader.take_into(Answer()) for reader in readers]
    answer_of_short = reader_of_short.take_into(Answer())

    assert status == 0
    assert took < 8
    for answer in answers:
        assert answer.terminal is not None
        assert (answer.terminal["code"], answer.terminal["persisted"]) == ("interrupted", True)
    assert answer_of_short.terminal is not None
    assert answer_of_short.terminal["finish_reason"] == "stop"
    server.start()
    stored = [client.messages(session)[-1] for session in sessions]
    assert [message["status"] for message in stored] == ["interrupted"] * 5
    assert [message["content"] for message in stored] == [
        answer.terminal["full_content"]  # type: ignore[index]  # asserted above
        for answer in answers
    ]


def test_a_run_without_readers_is_settled_at_sigterm_too(start_server: StartServer) -> None:
    server = start_server({"GRACEFUL_TIMEOUT": "7"})
    client = ChatClient.registered(server.url)
    session = client.new_session()
    run = client.begin(session, LONG)
    server.stop()
    server.start()

    assert client.run(run)["status"] == "interrupted"
    assert client.messages(session)[-1]["content"]


def test_a_second_start_keeps_accounts_and_conversations(server: ServerProcess) -> None:
    client = ChatClient.registered(server.url)
    session = client.new_session()
    with client.send(session, "/echo kept") as reader:
        reader.take_into(Answer())
    server.stop()
    server.start()

    assert [message["content"] for message in client.messages(session)] == ["/echo kept", "kept"]


@only_on(EMBEDDED, "a folder has one server; what a database has is in test_two_workers.py")
def test_a_second_server_on_the_same_data_is_refused_with_the_reason(
    server: ServerProcess,
) -> None:
    second = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={"DATA_DIR": str(server.data_dir), "PORT": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 2
    assert "Another server" in second.stderr
    assert str(server.data_dir) in second.stderr


def test_ctrl_c_settles_what_runs_at_once(server: ServerProcess) -> None:
    client = ChatClient.registered(server.url)
    session = client.new_session()
    with client.send(session, LONG) as reader:
        reader.first_bytes()
        os.killpg(server.pid, signal.SIGINT)  # as a terminal sends it: to master and worker
        answer = reader.take_into(Answer())
    assert server.wait() == 0
    server.start()

    assert answer.terminal is not None
    assert (answer.terminal["code"], answer.terminal["persisted"]) == ("interrupted", True)
    assert client.messages(session)[-1]["content"] == answer.terminal["full_content"]


def test_an_address_that_is_taken_is_told_at_once(server: ServerProcess, tmp_path: Path) -> None:
    second = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={"DATA_DIR": str(tmp_path), "PORT": str(server.port), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 2
    assert str(server.port) in second.stderr
    assert "PORT" in second.stderr

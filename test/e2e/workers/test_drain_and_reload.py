"""A server that was told to stop still serves its clients; a reload loses none of them."""

import os
import signal
import time

from api.chat_client import CUT, Answer, ChatClient
from stack.server_process import ServerProcess, StartServer

ANSWER = "/long 300 /slow 20"


def status_of(client: ChatClient, path: str) -> int | None:
    """Ask for a page; None: no answer came."""
    try:
        return client.call("GET", path).status
    except CUT:
        return None


def wait_for_status(client: ChatClient, path: str, wanted: int) -> None:
    """Ask until a page answers as wanted."""
    deadline = time.monotonic() + 30
    while status_of(client, path) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def workers_of(server: ServerProcess) -> set[int]:
    """Give the process ids of the workers."""
    return {member.pid for member in server.members()[1:]}


def wait_for_replacement(server: ServerProcess, old: set[int]) -> None:
    """Wait until as many other workers have taken the place of these."""
    deadline = time.monotonic() + 30
    while (now := workers_of(server)) & old or len(now) != len(old):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_while_it_drains_readers_come_back_and_runs_can_be_stopped(
    start_server: StartServer,
) -> None:
    server = start_server({"GRACEFUL_TIMEOUT": "40"})
    client = ChatClient.registered(server.url)
    first, second, third = (client.new_session() for _ in range(3))
    followed, stopped = client.begin(first, ANSWER), client.begin(second, ANSWER)

    os.kill(server.pid, signal.SIGTERM)
    wait_for_status(client, "/ready", 503)
    time.sleep(1.5)  # longer than gunicorn by itself accepts connections

    assert status_of(client, "/health") == 200
    with client.send(third, "too late") as reader:
        assert reader.status == 503
    assert client.stop(stopped).status == 202
    answer = client.read_on(followed)
    assert answer.terminal is not None
    assert answer.terminal["finish_reason"] == "stop"
    assert server.wait() == 0
    server.start()
    assert client.run(stopped)["status"] == "stopped"
    assert client.messages(third) == []


def test_a_reload_lets_the_answers_end_and_serves_on(server: ServerProcess) -> None:
    client = ChatClient.registered(server.url)
    with client.send(client.new_session(), "/long 100 /slow 20") as reader:
        reader.first_bytes()
        before = workers_of(server)
        os.kill(server.pid, signal.SIGHUP)
        answer = reader.take_into(Answer())
    wait_for_replacement(server, before)
    wait_for_status(client, "/ready", 200)

    assert answer.terminal is not None
    assert answer.terminal["finish_reason"] == "stop"
    with client.send(client.new_session(), "/echo on") as reader:
        assert reader.take_into(Answer()).text == "on"

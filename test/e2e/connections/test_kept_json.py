"""The blocking call behind a proxy that cuts silence: white space first, then the JSON."""

import json
import time
from collections.abc import Iterator

import pytest
from api.chat_client import ChatClient
from api.figures import figures_of
from api.raw_http import RawAnswer, RawClient, head
from stack.server_process import ServerProcess
from worlds.patience import eventually

SETTINGS = {
    "RATE_LIMIT_ENABLED": "false",
    "JSON_KEEPALIVE_SECONDS": "0.3",
    "PING_SECONDS": "0.1",
    "TRUSTED_PROXIES": "1",
    "GRACEFUL_TIMEOUT": "1",  # one answer is left unfinished
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Start a server that soon begins to answer."""
    with ServerProcess(tmp_path_factory.mktemp("kept"), SETTINGS) as server:
        yield server


def asked(server: ServerProcess, content: str, version: str = "1.1") -> bytes:
    """Write a blocking call of a new user."""
    token = ChatClient.registered(server.url).token
    body = json.dumps({"content": content}).encode()
    lines = (
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        "X-Forwarded-Prefix: /below",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return head("POST", "/api/chat", *lines).replace(b"HTTP/1.1", f"HTTP/{version}".encode()) + body


def chunks_of(answer: RawAnswer) -> list[bytes]:
    """Take a chunked body apart."""
    chunks, rest = [], answer.body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        chunks.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return chunks


def test_a_long_wait_is_white_space_and_then_the_answer(server: ServerProcess) -> None:
    with RawClient(server.port) as client:
        began = time.monotonic()
        client.send(asked(server, "/slow 400 /long 4"))
        first = client.receive()
        first_after = time.monotonic() - began
        answer = RawAnswer(first + client.rest().received)

    assert first_after < 1.2
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-accel-buffering"] == "no"
    *spaces, last, end = chunks_of(answer)
    assert set(spaces) == {b" "}
    assert len(spaces) >= 3
    assert json.loads(b"".join([*spaces, last]))["content"].split()[3:]
    assert end == b""


def test_a_quick_answer_is_as_it_always_was(server: ServerProcess) -> None:
    with RawClient(server.port) as client:
        answer = client.send(asked(server, "/echo quick")).rest()

    assert answer.body.startswith(b"{")
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_a_quick_failure_has_its_status(server: ServerProcess) -> None:
    with RawClient(server.port) as client:
        answer = client.send(asked(server, "/fail during /slow 1")).rest()

    assert answer.status == answer.problem["status"] == 502


def test_a_late_failure_is_told_by_the_body_with_the_status_that_it_had(
    server: ServerProcess,
) -> None:
    with RawClient(server.port) as client:
        answer = client.send(asked(server, "/cut /slow 400 /long 6")).rest()

    assert answer.status == 200
    problem = json.loads(b"".join(chunks_of(answer)))
    assert problem["status"] == 502
    assert problem["code"] == "upstream_cut"
    assert problem["type"] == "/below/api/docs/errors#upstream_cut"
    assert problem["content"].split()
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert {"run_id", "message_id", "session_id"} <= problem.keys()


def test_an_old_client_gets_the_same_without_chunks(server: ServerProcess) -> None:
    with RawClient(server.port) as client:
        answer = client.send(asked(server, "/slow 400 /long 2", "1.0")).rest()

    assert answer.body.startswith(b" ")
    assert len(json.loads(answer.body)["content"].split()) == 2


def test_a_client_that_leaves_gives_its_place_back(server: ServerProcess) -> None:
    with RawClient(server.port) as client:
        client.send(asked(server, "/slow 60000 /long 2"))
        assert client.receive()
    eventually(lambda: figures_of(server)["charla_readers"] == 0)

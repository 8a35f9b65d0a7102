"""Connections are shared by network: whoever takes all he can leaves the door open for others."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from api.chat_client import ChatClient
from api.raw_http import RawAnswer, RawClient, head
from stack.server_process import ServerProcess

PLACES = 80
HEALTH = head("GET", "/health", "Connection: close")
SLOW = head("POST", "/api/auth/register", "Content-Length: 100000") + b"{"
HALF = b"GET /health HTTP/1.1\r\nX-Half: "
IDLE = b""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Start a server with few places, whose clients are waited for as long as usual."""
    settings = {"MAX_CONNECTIONS": str(PLACES), "MAX_STREAMS": "10"}
    with ServerProcess(tmp_path_factory.mktemp("few"), settings) as server:
        yield server


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """Hold connections, and close them at the end."""
    with ExitStack() as held:
        yield held


def answered(server: ServerProcess, source: str) -> RawAnswer:
    with RawClient(server.port, source) as client:
        return client.send(HEALTH).rest()


def take(held: ExitStack, server: ServerProcess, sources: list[str], sent: bytes) -> None:
    """Open a connection from each of these addresses."""
    for source in sources:
        client = held.enter_context(RawClient(server.port, source))
        try:
            client.send(sent)
        except OSError:
            return


@pytest.mark.parametrize("sent", [SLOW, HALF, IDLE])
def test_a_network_alone_gets_its_part_and_is_then_refused_at_once(
    server: ServerProcess, held: ExitStack, sent: bytes
) -> None:
    take(held, server, ["127.0.0.2"] * (PLACES + 20), sent)
    began = time.monotonic()
    refused = answered(server, "127.0.0.2")
    good = [answered(server, f"127.0.1.{number}") for number in range(5)]

    assert time.monotonic() - began < 2
    assert refused.status == 503
    assert refused.problem["code"] == "too_many_connections"
    assert int(refused.headers["retry-after"]) >= 1
    assert {answer.status for answer in good} == {200}


@pytest.mark.parametrize("sent", [SLOW, HALF, IDLE])
def test_many_networks_leave_room_for_one_that_holds_nothing(
    server: ServerProcess, held: ExitStack, sent: bytes
) -> None:
    sources = [f"127.0.{number % 150}.77" for number in range(3 * PLACES)]
    take(held, server, sources, sent)

    assert {answered(server, "127.0.200.1").status for _ in range(3)} == {200}


def test_places_come_back(server: ServerProcess) -> None:
    for _ in range(3):
        with ExitStack() as held:
            take(held, server, ["127.0.0.3"] * PLACES, HALF)
        assert answered(server, "127.0.0.4").status == 200
    ChatClient.registered(server.url).new_session()


def test_what_was_refused_is_told_in_the_log_once_in_a_while(server: ServerProcess) -> None:
    output = server.output()

    assert 1 <= output.count("connections_refused") < 20
    assert "Traceback" not in output

"""A reader's place is given back however its response ends, through the real server."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from api.chat_client import REALTIME, ChatClient
from api.figures import figures_of
from stack.server_process import ServerProcess, StartServer
from worlds.patience import eventually

TIMES = 5


def readers_of(server: ServerProcess) -> float:
    return figures_of(server)["charla_readers"]


@pytest.fixture
def server(start_server: StartServer) -> ServerProcess:
    """Start a server that soon notices readers that have left."""
    return start_server({"PING_SECONDS": "0.2", "MAX_READERS_PER_RUN": "2"})


@pytest.fixture
def client(server: ServerProcess) -> ChatClient:
    """Give a user."""
    return ChatClient.registered(server.url)


@pytest.fixture
def run(server: ServerProcess, client: ChatClient) -> Iterator[str]:
    """Begin an answer that takes its time, and read it nowhere."""
    run = client.begin(client.new_session(), "/slow 60000 /long 2")
    eventually(lambda: readers_of(server) == 0)  # the reader that began it has left
    yield run
    client.stop(run)


def test_a_head_on_a_stream_takes_no_place(
    server: ServerProcess, client: ChatClient, run: str
) -> None:
    for _ in range(TIMES):  # more often than a run has places
        with client.open("HEAD", f"{REALTIME}/runs/{run}/stream") as reader:
            assert reader.status == 200
            assert reader.body() == b""

    eventually(lambda: readers_of(server) == 0)


def test_a_client_that_leaves_before_the_first_byte_gives_its_place_back(
    server: ServerProcess, client: ChatClient, run: str
) -> None:
    address = urlsplit(server.url)
    asked = (
        f"GET {REALTIME}/runs/{run}/stream HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {client.token}\r\n\r\n"
    )
    for _ in range(TIMES):
        with socket.create_connection((str(address.hostname), address.port or 0)) as left:
            left.sendall(asked.encode())
        eventually(lambda: readers_of(server) == 0)

    with client.follow(run) as reader:
        assert reader.status == 200


def test_a_client_that_leaves_in_the_middle_gives_its_place_back(
    server: ServerProcess, client: ChatClient, run: str
) -> None:
    for _ in range(TIMES):
        with client.follow(run) as reader:
            assert reader.first_bytes()
        eventually(lambda: readers_of(server) == 0)


def test_two_readers_hold_two_places_until_the_end(
    server: ServerProcess, client: ChatClient, run: str
) -> None:
    with client.follow(run) as one, client.follow(run) as two:
        assert one.first_bytes()
        assert two.first_bytes()
        assert readers_of(server) == 2
        client.stop(run)
        for reader in (one, two):
            assert b'"finish_reason":"stopped"' in reader.body()

    assert readers_of(server) == 0

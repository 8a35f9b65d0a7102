"""Clients that ask for much and read little are dropped, and all that is kept for them."""

import time

import pytest
from api.raw_http import RawClient, head
from stack.server_process import ServerProcess
from worlds.patience import eventually

BUNDLE = "/assets/vendor/swagger-ui/swagger-ui-bundle.js"
TIMES = 6
"""Together more than both kernels keep for a connection."""


def connections_of(server: ServerProcess) -> int:
    """Count the connections that the server's worker has open to clients."""
    (worker,) = server.members()[1:]
    return sum(
        each.status == "ESTABLISHED" and each.laddr.port == server.port
        for each in worker.net_connections("tcp")
    )


def test_a_client_that_reads_nothing_is_dropped(quick_server: ServerProcess) -> None:
    before = connections_of(quick_server)
    with RawClient(quick_server.port, receive_bytes=4096) as client:
        client.send(head("GET", BUNDLE) * TIMES)
        eventually(lambda: connections_of(quick_server) > before)
        eventually(lambda: connections_of(quick_server) == before)
        with pytest.raises(ConnectionResetError):
            client.rest()

    assert "Traceback" not in quick_server.output()


def test_a_client_that_reads_a_byte_now_and_then_is_dropped_too(
    quick_server: ServerProcess,
) -> None:
    before = connections_of(quick_server)
    with RawClient(quick_server.port, receive_bytes=4096) as client:
        assert b" 200 " in client.send(head("GET", BUNDLE) * TIMES).receive()[:99]
        began = time.monotonic()
        while connections_of(quick_server) > before:
            assert client.socket.recv(32)
            time.sleep(0.1)
            assert time.monotonic() - began < 15


def test_a_client_that_reads_slowly_gets_every_byte(quick_server: ServerProcess) -> None:
    asked = head("GET", BUNDLE, "Connection: close")
    with RawClient(quick_server.port) as client:
        whole = client.send(asked).rest()
    with RawClient(quick_server.port, receive_bytes=65_536) as client:
        client.send(head("GET", BUNDLE) * 3 + asked)
        received, began = bytearray(), time.monotonic()
        while piece := client.socket.recv(50_000):
            received += piece
            time.sleep(0.02)

    assert time.monotonic() - began > 2
    assert whole.status == 200
    assert received.count(whole.body) == 4

"""Connections that wait for their next request: for as long as set, and never in the way."""

import time
from pathlib import Path

from api.raw_http import RawClient, head
from stack.server_process import ServerProcess

HEALTH = head("GET", "/health")
LOGIN = head("POST", "/api/auth/login", "Content-Type: application/json", "Content-Length: 100")


def test_a_connection_waits_for_its_next_request_as_long_as_set(
    quick_server: ServerProcess,
) -> None:
    with RawClient(quick_server.port) as client:
        client.send(HEALTH).until(b"}\n")
        time.sleep(1.3)  # longer than the head of a request may take
        assert client.send(HEALTH).until(b"}\n").status == 200
        began = time.monotonic()
        assert client.is_closed()

    assert 1.5 < time.monotonic() - began < 4


def test_connections_that_wait_do_not_hold_up_the_end(tmp_path: Path) -> None:
    with (
        ServerProcess(tmp_path) as server,
        RawClient(server.port) as client,
        RawClient(server.port) as unfinished,
    ):
        unfinished.send(LOGIN + b"{")
        client.send(HEALTH).until(b"}\n")
        began = time.monotonic()
        assert server.stop() == 0
        took = time.monotonic() - began
        assert client.is_closed()
        assert unfinished.rest().status == 503

    assert took < 8  # KEEPALIVE_SECONDS is 75, BODY_TIMEOUT_SECONDS and GRACEFUL_TIMEOUT are 30

"""Many logins at once, over raw connections: who left costs nothing, and the owner gets in."""

import json
import socket
import time
import uuid
from contextlib import ExitStack, closing

import pytest
from api.chat_client import PASSWORD, ChatClient
from stack.columns import EMBEDDED, only_on
from stack.server_process import ServerProcess, StartServer

pytestmark = only_on(EMBEDDED, "passwords are hashed the same way on every column")

FLOOD = 80
QUEUE = 40
SETTINGS = {
    "PASSWORD_HASH_MEMORY_KIB": "32768",  # some 0.05 s for each password
    "PASSWORD_QUEUE_SIZE": str(QUEUE),
    "RATE_LIMIT_ENABLED": "false",
}


@pytest.fixture(scope="module")
def server(start_shared: StartServer) -> ServerProcess:
    return start_shared(SETTINGS)


def guess(server: ServerProcess, number: int) -> socket.socket:
    """Send a login that cannot succeed, and do not wait for its answer."""
    body = json.dumps({"email": f"{number}@example.org", "password": "a guess"}).encode()
    head = (
        "POST /api/auth/login HTTP/1.1\r\nHost: charla\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    connection.sendall(head.encode() + body)
    return connection


def answer_of(connection: socket.socket) -> bytes:
    """Read an answer to its end."""
    pieces = iter(lambda: connection.recv(65536), b"")
    return b"".join(pieces)


class Owner:
    """Somebody with an account, who logs in."""

    def __init__(self, server: ServerProcess) -> None:
        """Make the account, and measure a login while nobody else is there."""
        self._url = server.url
        self._who = {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD}
        assert self._ask("register") == 201
        self.seconds_alone = min(self.seconds_of_login() for _ in range(3))

    def seconds_of_login(self) -> float:
        """Log in."""
        began = time.monotonic()
        assert self._ask("login") == 200
        return time.monotonic() - began

    def _ask(self, path: str) -> int:
        return ChatClient(self._url).call("POST", f"/api/auth/{path}", self._who).status


def test_a_flood_is_refused_beyond_the_line_and_the_owner_goes_first(
    server: ServerProcess,
) -> None:
    owner = Owner(server)

    with ExitStack() as stack:
        flood = [stack.enter_context(closing(guess(server, n))) for n in range(FLOOD)]
        beside = owner.seconds_of_login()
        answers = [answer_of(connection) for connection in flood]

    refused = [one for one in answers if one.startswith(b"HTTP/1.1 503")]
    checked = [one for one in answers if one.startswith(b"HTTP/1.1 401")]
    assert len(refused) + len(checked) == FLOOD
    assert len(refused) >= FLOOD - QUEUE - 10
    assert all(b"too_many_logins" in one and b"Retry-After: " in one for one in refused)
    assert beside < 8 * owner.seconds_alone + 1


def test_logins_whose_callers_have_left_are_passed_over(server: ServerProcess) -> None:
    owner = Owner(server)
    for n in range(QUEUE):
        guess(server, n).close()

    began = time.monotonic()
    with closing(guess(server, QUEUE)) as last:  # not known here, so it waits behind them
        assert answer_of(last).startswith(b"HTTP/1.1 401")

    assert time.monotonic() - began < QUEUE / 4 * owner.seconds_alone

"""Bodies that break HTTP itself, over a real connection."""

import json
import socket

import pytest
from stack.server_process import ServerProcess

HEAD = (
    b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)


def answer_to(server: ServerProcess, body: bytes) -> tuple[bytes, bytes]:
    """Send a login with this chunked body; give the answer's first line and its body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(HEAD + body)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    head, _, content = received.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0], content


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"\r\n{}\r\n0\r\n\r\n",
        b"1\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nno header\r\n\r\n",
    ],
)
def test_a_body_in_broken_chunks_is_malformed(shared_server: ServerProcess, body: bytes) -> None:
    status, content = answer_to(shared_server, body)

    assert b" 400 " in status
    assert json.loads(content)["code"] == "malformed_request"


def test_a_body_in_whole_chunks_is_read(shared_server: ServerProcess) -> None:
    status, content = answer_to(shared_server, b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")

    assert b" 422 " in status
    assert set(json.loads(content)["errors"]) == {"email", "password"}

"""A client that is nothing but a socket: it sends what it likes, when it likes."""

import json
import socket
from typing import Any, NamedTuple, Self

from routes.transports.connections.client_socket import ClientSocket

PATIENCE_SECONDS = 20.0


class RawAnswer(NamedTuple):
    """What came back until the server closed the connection."""

    received: bytes

    @property
    def status(self) -> int:
        """The status of the first answer; 0: there is none."""
        return int(self.received.split(b" ", 2)[1]) if self.received else 0

    @property
    def headers(self) -> dict[str, str]:
        """The headers, with names in small letters."""
        head = self.received.partition(b"\r\n\r\n")[0].decode("latin-1")
        pairs = (line.partition(": ") for line in head.split("\r\n")[1:])
        return {name.lower(): value for name, _, value in pairs}

    @property
    def body(self) -> bytes:
        """Everything after the first head."""
        return self.received.partition(b"\r\n\r\n")[2]

    @property
    def problem(self) -> Any:
        """The body, which has to be a problem document."""
        assert self.headers["content-type"] == "application/problem+json"
        return json.loads(self.body)


class RawClient:
    """One connection to a server on loopback, from any of loopback's addresses."""

    def __init__(self, port: int, source: str = "127.0.0.1", receive_bytes: int = 0) -> None:
        """Connect; with `receive_bytes` the client's kernel keeps next to nothing for it."""
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.bind((source, 0))
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(("127.0.0.1", port))

    def send(self, data: bytes) -> Self:
        """Send these bytes."""
        self.socket.sendall(data)
        return self

    def receive(self) -> bytes:
        """Read what comes next."""
        return self.socket.recv(65_536)

    def until(self, end: bytes) -> RawAnswer:
        """Read until this has come."""
        received = b""
        while not received.endswith(end):
            piece = self.receive()
            assert piece, received
            received += piece
        return RawAnswer(received)

    def rest(self) -> RawAnswer:
        """Read until the server closes; a reset is an error."""
        received = b""
        while piece := self.receive():
            received += piece
        return RawAnswer(received)

    def is_closed(self) -> bool:
        """Wait for the next byte, or for the server to close: tell which it was."""
        try:
            return not self.receive()
        except ConnectionError:
            return True

    def __enter__(self) -> Self:
        """Use it for a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.socket.close()


def head(method: str, path: str, *lines: str) -> bytes:
    """Write the head of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def as_client(accepted: Any, send_seconds: float = 5, rate: float = 500) -> ClientSocket:
    """Make a connection one that the worker serves."""
    family = accepted.family, accepted.type, accepted.proto
    return ClientSocket(_Like(*family), accepted.detach(), send_seconds, rate)


class _Like(NamedTuple):
    """What a socket takes after the one that accepted it."""

    family: int
    type: int
    proto: int

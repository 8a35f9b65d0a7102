"""A connection as an attacker has it: any bytes, from an address of its own, with gevent."""

import json
import select
import struct
from collections.abc import Mapping
from typing import Any

from gevent import Timeout, socket
from gevent.monkey import get_original

PIECE = 65_536
_poll = get_original("select", "poll")

CLOSED = "closed"
"""The server closed the connection without an answer."""

CUT = "cut off"
"""The server closed the connection within an answer."""

OPEN = "200, a stream"
"""A stream that goes on."""

WAITS = "waits"
"""The server neither answered nor closed: nothing bounds what the attacker holds."""


class Wire:
    """A connection to the server, from an address of the attacker's."""

    def __init__(self, port: int, source: str, *, window: int | None = None) -> None:
        """Connect; `window` is how many bytes the server may send before they are read."""
        self._socket = socket.socket()
        if window is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self._socket.bind((source, 0))
        self._socket.connect(("127.0.0.1", port))
        self._read = b""
        self._head = self._body = b""

    def send(self, data: bytes) -> bool:
        """Send; tell whether the server still takes it."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def end_sending(self) -> None:
        """Close the sending half."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self, *, at_once: bool = False) -> None:
        """Close; `at_once` resets the connection."""
        if at_once:
            now = struct.pack("ii", 1, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        self._socket.close()

    def has_news(self) -> bool:
        """Tell whether there is something to read, the server's end included."""
        poll = _poll()
        poll.register(self._socket.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(0))

    def answer(self, patience: float, *, stays: bool = False) -> str:
        """Read an answer and name it: its status, and its code if it is a problem document.

        Of a stream only the head is read if the attacker `stays`.
        """
        self._head = b""
        try:
            with Timeout(patience):
                fields = self._fields()
                if stays and fields.get("content-type", "").startswith("text/event-stream"):
                    return OPEN
                self._body = self._whole(fields)
        except Timeout:
            return f"{_status(self._head)}, then {WAITS}" if self._head else WAITS
        except EOFError:
            return CUT if self._head or self._read else CLOSED
        return " ".join([_status(self._head), *_code(self._body)])

    def document(self) -> dict[str, Any]:
        """Give the JSON of the last answer."""
        read: dict[str, Any] = json.loads(self._body)
        return read

    def _fields(self) -> Mapping[str, str]:
        while b"\r\n\r\n" not in self._read:
            self._more()
        self._head, _, _ = self._read.partition(b"\r\n\r\n")
        lines = self._head.decode("latin-1").lower().split("\r\n")[1:]
        parts = (line.partition(":") for line in lines)
        return {name.strip(): what.strip() for name, _, what in parts}

    def _whole(self, fields: Mapping[str, str]) -> bytes:
        start = len(self._head) + 4
        if "content-length" in fields:
            end = start + int(fields["content-length"])
            while len(self._read) < end:
                self._more()
        elif fields.get("transfer-encoding") == "chunked":
            while (at := self._read.find(b"0\r\n\r\n", start)) < 0:
                self._more()
            end = at + 5
        else:
            end = start
        body, self._read = self._read[start:end], self._read[end:]
        return body

    def _more(self) -> None:
        try:
            data = self._socket.recv(PIECE)
        except OSError:
            data = b""
        if not data:
            raise EOFError
        self._read += data


def _status(head: bytes) -> str:
    return head.split(b" ", 2)[1].decode(errors="replace")


def _code(body: bytes) -> list[str]:
    try:
        document = json.loads(body)
    except ValueError:
        return []
    code = document.get("code") if isinstance(document, dict) else None
    return [str(code)] if code else []

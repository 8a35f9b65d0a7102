"""Chunks of a response written past gunicorn, which takes six calls and two sends for the first.

gunicorn goes on writing what is not offered here, through the same object: so everything goes out
in order, and the response ends as gunicorn ends it.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gunicorn.http.wsgi import Response  # type: ignore[import-untyped]  # it has none

from routes.transports.connections.client_socket import ClientSocket

_LAST_CHUNK = b"0\r\n\r\n"


class Wire:
    """Stands for the client's connection in a chunked response of gunicorn's.

    What gunicorn sends in two steps goes out in one: headers and first chunk, and the chunk after
    which `is_over` is true with the end of the body.
    """

    def __init__(self, response: Any, client: ClientSocket, is_over: Callable[[], bool]) -> None:
        """Take the place of the connection in the response."""
        self._response = response
        self._client = client
        self._is_over = is_over
        self._left = b""  # goes before anything else

    def sendall(self, data: bytes) -> None:
        """Send what gunicorn writes, or keep it for what comes right after it."""
        is_head = not self._response.headers_sent
        is_last = data == _LAST_CHUNK
        if is_head or (self._is_over() and not is_last):
            self._left += data
            return
        if is_last:
            self._response.sock = self._client  # no circle for the collector
        data, self._left = self._left + data, b""
        self._client.sendall(data)

    def offer(self, piece: bytes) -> bool:
        """Send a piece of the body as a chunk, without waiting; False: some of it is left."""
        response = self._response
        if not response.headers_sent:
            response.send_headers()
        response.sent += len(piece)
        data = b"%b%X\r\n%b\r\n" % (self._left, len(piece), piece)
        sent = 0
        with suppress(OSError):  # full, or closed: whoever flushes finds out
            sent = self._client.send(data, 0, 0.0)  # type: ignore[call-arg]  # gevent's has a timeout
        self._left = data[sent:]
        return not self._left

    def flush(self) -> None:
        """Wait until what is left is sent, as long as the send timeout of the connection."""
        if self._left and self._response.headers_sent:
            data, self._left = self._left, b""
            self._client.sendall(data)


def wire_of(start_response: object, is_over: Callable[[], bool]) -> Wire | None:
    """Give the wire of a response that was started.

    None: it is not gunicorn's, has no body (HEAD), is not chunked (HTTP/1.0), is encrypted, or is
    not of HTTP/1 at all.
    """
    response: Any = getattr(start_response, "__self__", None)
    if type(response) is not Response or not response.chunked:
        return None
    if type(response.sock) is not ClientSocket:
        return None
    wire = response.sock = Wire(response, response.sock, is_over)
    return wire

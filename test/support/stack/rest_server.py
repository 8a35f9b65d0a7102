"""An HTTP server in the place of a Supabase gateway, which answers as a test tells it."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

CUT = "cut"
"""Close the connection without an answer."""
HANG = "hang"
"""Do not answer until the test is over."""

HANG_SECONDS = 60.0


class RestServer:
    """Answers each request with the next of `answers`, and `null` when there are none left.

    An answer is a status and a body, CUT, or HANG. `calls` are the functions that were called,
    `open_now` and `open_at_most` count connections.
    """

    def __init__(self, *, port: int = 0, closes_silently: bool = False) -> None:
        """Listen on a port, a free one by default.

        `closes_silently` ends each connection after one answer.
        """
        self.answers: list[tuple[int, object] | str] = []
        self.calls: list[str] = []
        self.open_now = self.open_at_most = 0
        self.hanging = threading.Semaphore(0)
        self._changed = threading.Condition()
        self._over = threading.Event()
        handler = _handler_of(self, closes_silently=closes_silently)
        self._server = _CountingServer(self, port, handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def next_answer(self, function: str) -> tuple[int, object] | str:
        """Note a call and give its answer; where that is HANG, wait until the test is over."""
        with self._changed:
            self.calls.append(function)
            answer = self.answers.pop(0) if self.answers else (200, None)
        if answer == HANG:
            self.hanging.release()
            self._over.wait(HANG_SECONDS)
            return CUT
        return answer

    def count(self, change: int) -> None:
        """Note that a connection was opened or closed."""
        with self._changed:
            self.open_now += change
            self.open_at_most = max(self.open_at_most, self.open_now)
            self._changed.notify_all()

    def wait_until_closed(self) -> None:
        """Wait until no connection is open."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.open_now == 0, HANG_SECONDS)

    def __enter__(self) -> Self:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the calls that hang, and stop."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


class _CountingServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: RestServer, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self._owner = owner
        super().__init__(("127.0.0.1", port), handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        accepted = super().get_request()
        self._owner.count(1)
        return accepted

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        super().shutdown_request(request)
        self._owner.count(-1)


def _handler_of(owner: RestServer, *, closes_silently: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = owner.next_answer(self.path.rpartition("/")[2])
            self.close_connection = closes_silently or answer == CUT
            if not isinstance(answer, str):
                self._send(*answer)

        def _send(self, status: int, body: object) -> None:
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    return Handler

"""Readers that people have, as our page shows them, where a gateway answers in a server's place."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from api.published_readers import PublishedReader

ALL = ["`@microsoft/fetch-event-source`", "`eventsource`", "`httpx`", "`httpx-sse`", "`requests`"]
THAT_TRY_AGAIN = [name for name in ALL if name != "`eventsource`"]
TYPES = {200: "text/event-stream; charset=utf-8"}
BODIES = {
    200: b'retry: 50\ndata: {"type":"content","content":"hello"}\nid: a.1.1\n\n',
    204: b"",
}
PASSING = b'{"type": "about:blank", "status": 503,\n\n"data: {}": "id: x"}\n\n'


class Gateway(ThreadingHTTPServer):
    """Gives the next of these statuses to each request, and the last one to all others."""

    daemon_threads = True

    def __init__(self, *statuses: int) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.statuses = list(statuses)
        self.asked = 0


class _Answer(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        """Answer, and hang up."""
        self.rfile.read(int(self.headers["Content-Length"]))
        gateway = self.server
        status = gateway.statuses[min(gateway.asked, len(gateway.statuses) - 1)]
        gateway.asked += 1
        self.send_response(status)
        self.send_header("Content-Type", TYPES.get(status, "application/problem+json"))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(BODIES.get(status, PASSING))

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextmanager
def running(*statuses: int) -> Iterator[Gateway]:
    """Let a gateway answer."""
    with Gateway(*statuses) as gateway:
        threading.Thread(target=gateway.serve_forever, daemon=True).start()
        yield gateway
        gateway.shutdown()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("name", THAT_TRY_AGAIN)
def test_what_may_pass_is_tried_again_until_it_is_refused(
    name: str, status: int, tmp_path: Path
) -> None:
    with running(status, status, 404) as gateway:
        with pytest.raises(AssertionError, match="404"):
            PublishedReader.of(name).ask(tmp_path, gateway.url, "token", "session", "Hello")

        assert gateway.asked == 3


@pytest.mark.parametrize("name", ALL)
def test_where_there_is_nothing_more_to_read_the_text_is_given(name: str, tmp_path: Path) -> None:
    with running(200, 204) as gateway:
        text = PublishedReader.of(name).ask(tmp_path, gateway.url, "token", "session", "Hello")

        assert text == "hello"
        assert gateway.asked == 2

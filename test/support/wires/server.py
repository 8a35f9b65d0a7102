"""A server that speaks the wire formats of providers, well or badly, over real HTTP.

    python test/support/wires/server.py [PORT]

It prints its port. The path names the format, and the model's name says what happens: a scenario of
that format, `words-<n>-<gap ms>`, `status-<nnn>`, `500-once`, or `pinged` (pings for longer than
tests let a server be silent, then `plain`), or `held` (`plain`, but not before a `GET /release`). A
GET of the models lists MODELS.

`GET /live?until=<n>` answers with the number of open answers, once it is n or after five seconds;
`GET /requests` with the number of requests and connections so far, the last body, and the latest
calls: when each arrived, by this machine's monotonic clock, and its model; `DELETE /requests`
forgets those calls, and holds again. An answer that waits notices at once when its client closes
the connection, unless it is held.
"""

import json
import re
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

from wires import anthropic_wire, embeddings_wire, gemini_wire, openai_wire
from wires.steps import Answer, Format, Step, json_answer

CONDITION_SECONDS = 5.0
LATEST_CALLS = 1000
HELD_SECONDS = 100.0  # a test has ended by then
PINGED_STEPS = 24  # 0.6 seconds
MODELS = ("plain", "reasoning")
REFUSED = "refused"  # a key that contains this gets no list
NOT_FOUND = {"error": {"message": "No such path.", "type": "not_found", "code": 404}}

FORMATS: Mapping[str, Format] = {
    "openai": openai_wire.FORMAT,
    "anthropic": anthropic_wire.FORMAT,
    "gemini": gemini_wire.FORMAT,
}
CALLS = (
    ("openai", re.compile(r"/chat/completions$")),
    ("anthropic", re.compile(r"/v1/messages$")),
    ("gemini", re.compile(r"/v1beta/models/(?P<model>[^/:]+):streamGenerateContent$")),
)
"""The format of a POST, by its path; if the path names the model, as a group `model`."""


class Wire(ThreadingHTTPServer):
    """The server and what it has seen."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, port: int) -> None:
        """Listen on 127.0.0.1; port 0: a free one."""
        super().__init__(("127.0.0.1", port), Handler)
        self.changed = threading.Condition()
        self.live = self.requests = self.connections = 0
        self.last: dict[str, Any] = {}
        self.last_headers: dict[str, str] = {}
        self.released = threading.Event()
        self.calls: deque[tuple[float, str]] = deque(maxlen=LATEST_CALLS)

    def answer(self, path: str, body: dict[str, Any]) -> Answer:
        """Choose what happens by the path and the model's name."""
        if embedded := embeddings_wire.answer(path, body):
            return embedded
        for name, pattern in CALLS:
            if found := pattern.search(path):
                model = found.groupdict().get("model") or str(body.get("model"))
                self.calls.append((time.monotonic(), model))
                return self._play(FORMATS[name], model)
        return json_answer(NOT_FOUND, 404)

    def _play(self, spoken: Format, model: str) -> Answer:
        if model == "500-once":
            model = "status-500" if self.requests % 2 else "plain"
        kind, _, numbers = model.partition("-")
        if kind == "status":
            return spoken.refuse("The wire says no.", int(numbers), None)
        if kind == "words":
            count, _, gap = numbers.partition("-")
            return spoken.words(int(count), int(gap or 0) / 1000)
        if model == "pinged":
            pings, plain = spoken.scenarios["pings"]().steps, spoken.scenarios["plain"]().steps
            return Answer([*islice(pings, PINGED_STEPS), *plain])
        if model == "held":
            return Answer(self._held(spoken.scenarios["plain"]().steps))
        if model not in spoken.scenarios:
            return spoken.refuse(f"The model `{model}` does not exist.", 404, "model_not_found")
        return spoken.scenarios[model]()

    def _held(self, steps: Iterable[Step]) -> Iterator[Step]:
        self.released.wait(HELD_SECONDS)
        yield from steps

    def count_live(self, change: int) -> None:
        """Count an answer that began or ended, and tell those who wait for it."""
        with self.changed:
            self.live += change
            self.changed.notify_all()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Wire

    def setup(self) -> None:
        """Count the connection."""
        super().setup()
        self.server.connections += 1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Print nothing."""

    def do_GET(self) -> None:
        """Report."""
        url = urlsplit(self.path)
        until = parse_qs(url.query).get("until")
        with self.server.changed:
            if until:
                wanted = int(until[0])
                self.server.changed.wait_for(lambda: self.server.live == wanted, CONDITION_SECONDS)
            seen: Any = {"live": self.server.live}
        if url.path == "/requests":
            seen = {"count": self.server.requests, "connections": self.server.connections}
            seen |= {"last": self.server.last, "headers": self.server.last_headers}
            seen |= {"calls": list(self.server.calls)}
        if url.path == "/release":
            self.server.released.set()
        if url.path.endswith("/models"):
            self._list_models(url.path)
            return
        self._reply(seen)

    def do_DELETE(self) -> None:
        """Forget the calls, and hold again."""
        self.server.calls.clear()
        self.server.released.clear()
        self._reply({})

    def _reply(self, payload: object) -> None:
        body = json.dumps(payload).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _list_models(self, path: str) -> None:
        """List models, in the format of the path and of the headers, or refuse the key."""
        name = "gemini" if "/v1beta/" in path else "openai"
        if self.headers.get("anthropic-version"):
            name = "anthropic"
        keys = [value for value in self.headers.values() if REFUSED in value]
        if keys:
            said = f"Incorrect API key provided: {keys[0]}"
            self._send(FORMATS[name].refuse(said, 401, "invalid_api_key"))
        else:
            self._reply(FORMATS[name].models(MODELS))

    def do_POST(self) -> None:
        """Answer a call."""
        server = self.server
        server.last = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.last_headers = {name.lower(): value for name, value in self.headers.items()}
        server.requests += 1
        server.count_live(+1)
        try:
            self._send(server.answer(urlsplit(self.path).path, server.last))
        except OSError:
            self.close_connection = True
        finally:
            server.count_live(-1)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header(*self._framing(answer))
        self.end_headers()
        for step in answer.steps:
            if isinstance(step, bytes):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(step), step) if answer.chunked else step)
            elif step == "cut" or self._is_left_within(step):
                self.close_connection = True
                return
        if answer.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _framing(self, answer: Answer) -> tuple[str, str]:
        if answer.chunked:
            return "Transfer-Encoding", "chunked"
        self.close_connection = True
        return "Connection", "close"

    def _is_left_within(self, seconds: float | str) -> bool:
        readable, _, _ = select.select([self.connection], [], [], float(seconds))
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)


if __name__ == "__main__":
    wire = Wire(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    sys.stdout.write(f"{wire.server_port}\n")
    sys.stdout.flush()
    wire.serve_forever()

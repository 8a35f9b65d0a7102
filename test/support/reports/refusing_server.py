"""An upstream in this process that refuses what a test tells it to refuse, and answers the rest."""

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from wires import anthropic_wire, gemini_wire, openai_wire
from wires.steps import json_answer

PLAIN = {
    "/chat/completions": openai_wire.SCENARIOS["plain"],
    "/v1/messages": anthropic_wire.SCENARIOS["plain"],
    ":streamGenerateContent": gemini_wire.SCENARIOS["plain"],
}
"""Good answers, by how the path ends."""


@dataclass(frozen=True)
class Asked:
    """A call as it came: `path` is raw, with its query; names of headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """An answer with a status of 400 and more."""

    status: int
    body: bytes
    content_type: str = "application/json"


Rule = Callable[[Asked], Refusal | None]


class RefusingServer(ThreadingHTTPServer):
    """Asks `rule` what to say to each call; None is a good answer. `calls` are all that came."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port, and refuse nothing."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[Asked] = []
        self.rule: Rule = lambda _: None
        self.url = f"http://127.0.0.1:{self.server_port}"

    def refuse(self, rule: Rule) -> None:
        """Begin anew with another rule."""
        self.calls.clear()
        self.rule = rule


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RefusingServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Print nothing."""

    def do_POST(self) -> None:
        """Answer a call."""
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path, headers, told)
        self.server.calls.append(asked)
        refusal = self.server.rule(asked)
        if refusal is not None:
            self._send(refusal.status, refusal.content_type, refusal.body)
            return
        path = self.path.partition("?")[0]
        plain = next((PLAIN[end] for end in PLAIN if path.endswith(end)), None)
        answer = plain() if plain else json_answer({"error": {"message": "No such path."}}, 404)
        steps = b"".join(step for step in answer.steps if isinstance(step, bytes))
        self._send(answer.status, answer.content_type, steps)

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def refusing() -> Generator[RefusingServer, None, None]:
    """Run such a server."""
    with RefusingServer() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()

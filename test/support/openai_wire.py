"""A server that speaks OpenAI's streaming chat completions, well or badly, over real HTTP.

    python test/support/openai_wire.py [PORT]

It prints its port. The model's name says what happens: a name of `SCENARIOS`, `words-<n>-<gap ms>`,
or `status-<nnn>`. `GET /live?until=<n>` answers with the number of open answers, once it is n or
after five seconds; `GET /requests` with the number of requests and connections so far and the last
body. An answer that waits notices at once when its client closes the connection.
"""

import json
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

WORDS = ("Grüße", " aus", " 你好", " and", " 👋🏽", " again")
TEXT = "".join(WORDS)
FOREVER = 600.0
CONDITION_SECONDS = 5.0
KEY_IN_ERRORS = "sk-wire-0123456789abcdef"

Step = bytes | float | Literal["cut"]
"""What a body does next: send a piece, wait some seconds, or break the connection."""


@dataclass
class Answer:
    """One HTTP answer; `chunked` False: the end of the connection is the end of the body."""

    steps: Iterator[Step] | list[Step]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream"
    chunked: bool = True


def event(payload: object, name: str = "") -> bytes:
    """Make a frame."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


def _chunk(**fields: object) -> dict[str, object]:
    head = {"id": "chatcmpl-wire", "object": "chat.completion.chunk", "created": 1, "model": "wire"}
    return {**head, "system_fingerprint": "fp_0", "service_tier": "default", **fields}


def delta(reason: str | None = None, **fields: object) -> bytes:
    """Make a frame of a piece of the answer."""
    choice = {"index": 0, "delta": fields, "logprobs": None, "finish_reason": reason}
    return event(_chunk(choices=[choice]))


def usage(tokens_in: int, tokens_out: int, cached: int = 0, reasoning: int = 0) -> bytes:
    """Make the last frame before [DONE]."""
    counted = {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    return event(_chunk(choices=[], usage=counted))


def error(message: str, status: int = 500, code: str | None = None) -> Answer:
    """Refuse, as OpenAI does."""
    body = {"error": {"message": message, "type": "wire_error", "param": None, "code": code}}
    return Answer([json.dumps(body).encode()], status, content_type="application/json")


def further(reason: str | None = None, **fields: object) -> dict[str, object]:
    """Make a piece of a second answer, which nobody asked for."""
    return {"index": 1, "delta": fields, "logprobs": None, "finish_reason": reason}


def two_choices() -> list[Step]:
    """Make an answer with a second one mixed in, in frames of its own and in shared ones."""
    shared = [further(content="OTHER"), {"index": 0, "delta": {"content": WORDS[-1]}}]
    others = (further(content="OTHER"), further(reasoning_content="OTHER"), further("length"))
    mixed = [event(_chunk(choices=[other])) for other in others]
    return [ROLE, *mixed, *HELLO[1:-1], *mixed, event(_chunk(choices=shared)), *END, *mixed]


DONE = b"data: [DONE]\n\n"
ROLE = delta(role="assistant", content="", refusal=None)
HELLO: list[Step] = [ROLE, *(delta(content=word) for word in WORDS)]
STOP = delta("stop")
END: list[Step] = [STOP, usage(12, 6, 4, 2), DONE]
LIMITED = {"Retry-After": "7"}
ERROR = {"error": {"message": f"Broke, key={KEY_IN_ERRORS}", "type": "server_error", "code": None}}
ODD: list[Step] = [
    b": a comment\r\n\r\nretry: 5\nid: 9\nfoo\n\n",
    event({"object": "something.else", "choices": None}),
    event([1, 2], "unknown.event"),
    event({"choices": [{"delta": None, "x": {}}], "usage": None, "error": None}),
    event({"choices": [], "usage": "many", "new": [{"deep": [1, 2.5, None, True]}]}),
]


def one_byte_each(steps: list[Step]) -> list[Step]:
    """Cut a body into single bytes."""
    body = b"".join(step for step in steps if isinstance(step, bytes))
    return [body[i : i + 1] for i in range(len(body))]


def pings() -> Iterator[Step]:
    """Send comments and nothing else, for ever."""
    while True:
        yield b": ping\n\n"
        yield 0.05


SCENARIOS: dict[str, Callable[[], Answer]] = {
    "plain": lambda: Answer([*HELLO, *END]),
    "close-delimited": lambda: Answer([*HELLO, *END], chunked=False),
    "one-byte-each": lambda: Answer(one_byte_each([*HELLO, *END])),
    "one-piece": lambda: Answer([b"".join(s for s in [*HELLO, *END] if isinstance(s, bytes))]),
    "crlf": lambda: Answer(
        [s.replace(b"\n", b"\r\n") for s in [*HELLO, *END] if isinstance(s, bytes)]
    ),
    "slow": lambda: Answer([step for piece in [*HELLO, *END] for step in (piece, 0.05)]),
    "reasoning": lambda: Answer([delta(reasoning_content="Hm, 你"), *HELLO, *END]),
    "reasoning-field": lambda: Answer([delta(reasoning="Hm, 你"), *HELLO, *END]),
    "length": lambda: Answer([*HELLO, delta("length"), DONE]),
    "filter": lambda: Answer([*HELLO[:3], delta("content_filter"), DONE]),
    "refusal": lambda: Answer([ROLE, delta(refusal="I will"), delta(refusal=" not."), *END]),
    "tool-calls": lambda: Answer([*HELLO, delta("tool_calls"), DONE]),
    "zero-usage": lambda: Answer([*HELLO, STOP, usage(0, 0), DONE]),
    "usage-64-bits": lambda: Answer([*HELLO, STOP, usage(12, 2**64 - 1), DONE]),
    "usage-10-30": lambda: Answer([*HELLO, STOP, usage(10**30, 6), DONE]),
    "usage-negative": lambda: Answer([*HELLO, STOP, usage(12, -1), DONE]),
    "usage-cached": lambda: Answer([*HELLO, STOP, usage(12, 6, cached=2**31), DONE]),
    "usage-reasoning": lambda: Answer([*HELLO, STOP, usage(12, 6, reasoning=-1), DONE]),
    "usage-at-the-bound": lambda: Answer([*HELLO, STOP, usage(2**31 - 1, 0), DONE]),
    "usage-corrected": lambda: Answer([*HELLO, STOP, usage(12, 6), usage(2**63, 6), DONE]),
    "two-choices": lambda: Answer(two_choices()),
    "no-usage": lambda: Answer([*HELLO, STOP, DONE]),
    "no-done": lambda: Answer([*HELLO, STOP, usage(12, 6, 4, 2)]),
    "only-done": lambda: Answer([*HELLO, DONE]),
    "open-end": lambda: Answer([*HELLO, *END, FOREVER]),
    "empty": lambda: Answer([ROLE, *END]),
    "odd": lambda: Answer([*ODD, *HELLO, *ODD, *END]),
    "surrogate": lambda: Answer(
        [b'data: {"choices":[{"delta":{"content":"a\\ud800b"}}]}\n\n', *END]
    ),
    "nul": lambda: Answer([delta(content="a\0b"), *END]),
    "error-first": lambda: Answer([ROLE, event(ERROR), FOREVER]),
    "error-later": lambda: Answer([*HELLO, event(ERROR), FOREVER]),
    "error-event": lambda: Answer([*HELLO, event({"message": "Broke."}, "error"), FOREVER]),
    "malformed": lambda: Answer([*HELLO, b'data: {"choices": [\n\n', FOREVER]),
    "shapeless": lambda: Answer([*HELLO, event({"choices": "many"}), FOREVER]),
    "endless-line": lambda: Answer([b"data: ", *[b"x" * (1 << 16)] * 18, FOREVER]),
    "no-finish": lambda: Answer([*HELLO]),
    "cut": lambda: Answer([*HELLO, "cut"]),
    "cut-after-finish": lambda: Answer([*HELLO, STOP, "cut"]),
    "close": lambda: Answer([*HELLO], chunked=False),
    "stall": lambda: Answer([*HELLO, FOREVER]),
    "stall-first": lambda: Answer([FOREVER]),
    "pings": lambda: Answer(pings()),
    "html": lambda: Answer([b"<h1>Hello</h1>"], content_type="text/html"),
    "redirect": lambda: Answer([], 307, {"Location": "/elsewhere"}),
    "rate-limited": lambda: Answer(error("Slow down.", 429).steps, 429, LIMITED),
    "quota": lambda: error("You have used it up.", 429, "insufficient_quota"),
    "talkative": lambda: error(f"At https://u:p@host/: {KEY_IN_ERRORS} " + "x" * 999, 400),
}


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

    def answer(self, body: dict[str, Any]) -> Answer:
        """Choose what happens by the model's name."""
        model = str(body.get("model"))
        if model == "500-once":
            model = "status-500" if self.requests % 2 else "plain"
        kind, _, numbers = model.partition("-")
        if kind == "status":
            return error("The wire says no.", int(numbers))
        if kind == "words":
            count, _, gap = numbers.partition("-")
            word: list[Step] = [delta(content=" word"), int(gap or 0) / 1000]
            return Answer([ROLE, *(word * int(count)), *END])
        if model not in SCENARIOS:
            return error(f"The model `{model}` does not exist.", 404, "model_not_found")
        return SCENARIOS[model]()

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
            seen: dict[str, object] = {"live": self.server.live}
        if url.path == "/requests":
            seen = {"count": self.server.requests, "connections": self.server.connections}
            seen |= {"last": self.server.last, "headers": self.server.last_headers}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Answer a chat completion."""
        server = self.server
        server.last = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.last_headers = {name.lower(): value for name, value in self.headers.items()}
        server.requests += 1
        server.count_live(+1)
        try:
            self._send(server.answer(server.last))
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

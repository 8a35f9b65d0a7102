"""Providers to relay from: the three streaming formats, fast and steady on one core.

The path names the format, and the model's name says what is sent: `m-<chunks>-<gap ms>[-<first
ms>]`, so `m-100-20` is 100 chunks, one every 20 ms, and `m-5-1000-20` is 5 chunks, the first after
20 ms and then one every second. The answer of a model `w-...` waits after its first chunk until all
such answers are told to go on, by `GET /go`.

    python -m bench.upstream PORT
"""

import asyncio
import json
import sys
from functools import cache
from typing import cast

import uvloop

from bench.formats import Format, format_of

WORDS = ("Para", " mejorar", " tu", " día", ",", " empieza", " por", " lo", " importante", ".")
# Even without a gap, the loop must come round to the other streams.
CHUNKS_A_TURN = 20


def text_of(chunks: int) -> str:
    """Give the text that an answer of so many chunks carries."""
    return "".join(WORDS[number % len(WORDS)] for number in range(chunks))


class Upstream(asyncio.Protocol):
    """A connection: reads requests, writes answers."""

    waiting = asyncio.Event()

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._read = b""
        self._answers: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to write to."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """Write no more to a client that has gone."""
        for answer in self._answers:
            answer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer every request that has arrived whole."""
        self._read += data
        while b"\r\n\r\n" in self._read:
            head, _, rest = self._read.partition(b"\r\n\r\n")
            length = content_length(head)
            if len(rest) < length:
                return
            body, self._read = rest[:length], rest[length:]
            if head.startswith(b"GET /go "):
                self._let_go()
            elif head.startswith(b"GET"):
                self._write_whole(b'{"object": "list", "data": []}')  # a request for its models
            else:
                path = head.split(b" ", 2)[1].decode()
                answer = asyncio.ensure_future(self._stream(*format_of(path, json.loads(body))))
                self._answers.add(answer)
                answer.add_done_callback(self._answers.discard)

    def _let_go(self) -> None:
        Upstream.waiting.set()
        Upstream.waiting = asyncio.Event()
        self._write_whole(b"{}")

    def _write_whole(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self._transport.write(head % len(body) + body)

    async def _stream(self, spoken: Format, model: str) -> None:
        chunks, gap, first = timing_of(model)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        self._write(spoken.head(model))
        for number in range(chunks):
            if gap or number % CHUNKS_A_TURN == 0:
                await asyncio.sleep(gap if number else first)
            self._transport.write(framed_piece(spoken, model, WORDS[number % len(WORDS)]))
            if number == 0 and model.startswith("w-"):
                await Upstream.waiting.wait()
        self._transport.write(framed(spoken.end(model, chunks)) + b"0\r\n\r\n")

    def _write(self, piece: bytes) -> None:
        if piece:
            self._transport.write(framed(piece))


@cache
def framed_piece(spoken: Format, model: str, text: str) -> bytes:
    """Give a piece of the answer as it is sent; made once for each, as a model has few pieces."""
    return framed(spoken.piece(model, text))


def framed(piece: bytes) -> bytes:
    """Frame bytes for a chunked response."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def content_length(head: bytes) -> int:
    """Read how long the body of a request is."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def timing_of(model: str) -> tuple[int, float, float]:
    """Read from a model's name its chunks, the seconds between them and before the first."""
    chunks, gap, *first = (int(number) for number in model.split("-")[1:])
    return chunks, gap / 1000, (first[0] if first else gap) / 1000


async def serve(port: int) -> None:
    """Answer until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))

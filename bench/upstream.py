"""Providers to relay from: the three streaming formats, fast and steady on one core.

The path says which format, the model's name what is sent: `m-<chunks>-<gap ms>[-<first ms>]`, so
`m-100-20` is 100 chunks, one every 20 ms. `GET /live` tells how many answers are being written.

    python -m bench.upstream PORT
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

from bench.formats import Format, format_of

WORDS = ("Para", " mejorar", " tu", " día", ",", " empieza", " por", " lo", " importante", ".")
# Without a gap the loop still has to come round to the other streams.
CHUNKS_A_TURN = 20


def text_of(chunks: int) -> str:
    """Give the text that an answer of so many chunks carries."""
    return "".join(WORDS[number % len(WORDS)] for number in range(chunks))


class Upstream(asyncio.Protocol):
    """One connection: reads requests, writes answers."""

    live = 0

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._read = b""
        self._answers: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """Write no more to who has gone."""
        for answer in self._answers:
            answer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer every request that has come in whole."""
        self._read += data
        while b"\r\n\r\n" in self._read:
            head, _, rest = self._read.partition(b"\r\n\r\n")
            length = content_length(head)
            if len(rest) < length:
                return
            body, self._read = rest[:length], rest[length:]
            if head.startswith(b"GET"):
                self._write_whole(str(Upstream.live).encode())
            else:
                path = head.split(b" ", 2)[1].decode()
                answer = asyncio.ensure_future(self._answer(*format_of(path, json.loads(body))))
                self._answers.add(answer)
                answer.add_done_callback(self._answers.discard)

    def _write_whole(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self._transport.write(head % len(body) + body)

    async def _answer(self, spoken: Format, model: str) -> None:
        Upstream.live += 1
        try:
            await self._stream(spoken, model)
        finally:
            Upstream.live -= 1

    async def _stream(self, spoken: Format, model: str) -> None:
        chunks, gap, first = timing_of(model)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        await asyncio.sleep(first)
        self._write(spoken.head(model))
        for number in range(chunks):
            if gap or number % CHUNKS_A_TURN == 0:
                await asyncio.sleep(gap)
            self._write(spoken.piece(model, WORDS[number % len(WORDS)]))
        self._transport.write(framed(spoken.end(model, chunks)) + b"0\r\n\r\n")

    def _write(self, piece: bytes) -> None:
        if piece:
            self._transport.write(framed(piece))


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
    """Read chunks, gap and time to the first from a model's name, in seconds."""
    chunks, gap, *first = (int(number) for number in model.split("-")[1:])
    return chunks, gap / 1000, first[0] / 1000 if first else 0.0


async def serve(port: int) -> None:
    """Answer until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))

"""A provider to relay from: OpenAI's streaming chat completions, fast and steady on one core.

The model's name says what is sent: `m-<chunks>-<gap ms>[-<first ms>]`, so `m-100-20` is 100 chunks,
one every 20 ms. `GET /live` tells how many answers are being written.

    python -m bench.upstream PORT
"""

import asyncio
import json
import sys
from typing import Any, cast

import uvloop

WORDS = ("Para", " mejorar", " tu", " día", ",", " empieza", " por", " lo", " importante", ".")
# Without a gap the loop still has to come round to the other streams.
CHUNKS_A_TURN = 20


def text_of(chunks: int) -> str:
    """Give the text that an answer of so many chunks carries."""
    return "".join(WORDS[number % len(WORDS)] for number in range(chunks))


def event_of(model: str, delta: dict[str, str], finish: str | None = None) -> bytes:
    """Encode one event of an answer as OpenAI does, framed for a chunked response."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return framed({**envelope(model), "choices": [choice]})


def usage_of(model: str, chunks: int) -> bytes:
    """Encode the last event, which carries the usage and no choice."""
    tokens = {"prompt_tokens": 20, "completion_tokens": chunks, "total_tokens": 20 + chunks}
    return framed({**envelope(model), "choices": [], "usage": tokens})


def envelope(model: str) -> dict[str, Any]:
    """Give what every event repeats."""
    return {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": model,
        "system_fingerprint": "fp_bench",
    }


def framed(event: dict[str, Any] | None) -> bytes:
    """Frame one event, or the mark at the end, for a chunked response."""
    data = "[DONE]" if event is None else json.dumps(event, ensure_ascii=False)
    line = f"data: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(line), line)


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
                answer = asyncio.ensure_future(self._answer(json.loads(body)["model"]))
                self._answers.add(answer)
                answer.add_done_callback(self._answers.discard)

    def _write_whole(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self._transport.write(head % len(body) + body)

    async def _answer(self, model: str) -> None:
        Upstream.live += 1
        try:
            await self._stream(model)
        finally:
            Upstream.live -= 1

    async def _stream(self, model: str) -> None:
        chunks, gap, first = timing_of(model)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        await asyncio.sleep(first)
        self._transport.write(event_of(model, {"role": "assistant", "content": ""}))
        for number in range(chunks):
            if gap or number % CHUNKS_A_TURN == 0:
                await asyncio.sleep(gap)
            delta = {"content": WORDS[number % len(WORDS)]}
            self._transport.write(event_of(model, delta))
        end = event_of(model, {}, "stop") + usage_of(model, chunks) + framed(None)
        self._transport.write(end + b"0\r\n\r\n")


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

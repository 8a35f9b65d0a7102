"""Many streams at once, read whole, timed, and compared with what was sent.

It uses bare sockets, so that reading costs far less than what is measured.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

TIMEOUT_SECONDS = 600.0
FIRST_EVENT = b"\ndata: "
FIRST_CONTENT = b'"content":'
END_OF_FRAME = b"\n\n"
END_OF_CHUNKS = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: a POST of a body, or a GET if there is none.

    `hangs_up` closes the connection when the first event has come.
    """

    port: int
    path: str
    body: Mapping[str, str] | None
    token: str = ""
    last_event_id: str = ""
    hangs_up: bool = False

    def encoded(self) -> bytes:
        """Give the request as it is sent."""
        body = b"" if self.body is None else json.dumps(self.body).encode()
        lines = [
            f"{'GET' if self.body is None else 'POST'} {self.path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *([f"Authorization: Bearer {self.token}"] if self.token else []),
            *([f"Last-Event-ID: {self.last_event_id}"] if self.last_event_id else []),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(slots=True)
class Answer:
    """What came back; times are of `time.perf_counter`."""

    asked_at: float = field(default_factory=time.perf_counter)
    event_at: float | None = None
    first_at: float | None = None
    ended_at: float = 0.0
    raw: bytearray = field(default_factory=bytearray)
    failure: str = ""

    @property
    def status(self) -> int:
        """The HTTP status; 0 if no answer came."""
        return int(self.raw[9:12] or 0)

    @property
    def body(self) -> bytes:
        """The body, joined from its chunks."""
        head, _, body = bytes(self.raw).partition(b"\r\n\r\n")
        return b"".join(_chunks(body)) if b"chunked" in head.lower() else body

    def events(self) -> list[dict[str, Any]]:
        """Decode the events of a stream."""
        frames = self.body.decode().split("\n\n")
        lines = (line for frame in frames for line in frame.split("\n"))
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]

    def problem(self, expected: str) -> str:
        """Say what is wrong with this stream; empty if it brought the expected text whole."""
        if self.failure or self.status != HTTPStatus.OK:
            return self.failure or f"{self.status}: {self.body[:300]!r}"
        events = self.events()
        if not events or events[-1]["type"] != "done":
            return f"ended without done: {events[-1:]}"
        pieces = "".join(event["content"] for event in events if event["type"] == "content")
        if not (pieces == events[-1]["full_content"] == expected):
            return f"another text: {pieces[:100]!r}"
        return ""

    def problem_read_on(self) -> str:
        """Say what is wrong with a stream that was read on: it may lack only its beginning."""
        events = self.events() if self.status == HTTPStatus.OK else []
        if not events or events[-1]["type"] != "done":
            return self.failure or f"{self.status}: ended without done: {events[-1:]}"
        if events[0] != {**events[0], "type": "resume", "recovered": True}:
            return f"not recovered: {events[0]}"
        pieces = "".join(event["content"] for event in events if event["type"] == "content")
        whole = events[-1]["full_content"]
        return "" if pieces and whole.endswith(pieces) else f"another text: {pieces[:100]!r}"


class _Connection(asyncio.Protocol):
    """Sends one request and reads its answer to the end."""

    def __init__(
        self, ask: Ask, ended: "asyncio.Future[None]", on_content: Callable[[], None] | None
    ) -> None:
        self._request = ask.encoded()
        self._hangs_up = ask.hangs_up
        self._ended = ended
        self._on_content = on_content
        self._length: int | None = None
        self.answer = Answer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        raw = self.answer.raw
        raw += data
        if self.answer.event_at is None and FIRST_EVENT in raw:
            self.answer.event_at = time.perf_counter()
        if self._hangs_up and END_OF_FRAME in raw:
            self._end()
            return
        if self.answer.first_at is None and FIRST_CONTENT in raw:
            self.answer.first_at = time.perf_counter()
            if self._on_content:
                self._on_content()
        if raw.endswith(END_OF_CHUNKS) or self._is_whole(raw):
            self._end()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ended.done():
            self.answer.failure = f"connection lost: {error}"
            self._end()

    def _is_whole(self, raw: bytearray) -> bool:
        if self._length is None and b"\r\n\r\n" in raw:
            head, _, _ = bytes(raw).lower().partition(b"\r\n\r\n")
            _, named, length = head.partition(b"\r\ncontent-length:")
            self._length = len(head) + 4 + int(length.split()[0]) if named else -1
        return self._length not in (None, -1) and len(raw) == self._length

    def _end(self) -> None:
        self.answer.ended_at = time.perf_counter()
        if not self._ended.done():
            self._ended.set_result(None)
        self._transport.close()


async def send(ask: Ask, on_content: Callable[[], None] | None = None) -> Answer:
    """Send one request and read its answer, which also tells of a failure.

    `on_content` is called when the first piece of text comes, if any does.
    """
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    connection = _Connection(ask, ended, on_content)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await loop.create_connection(lambda: connection, "127.0.0.1", ask.port)
            await ended
    except OSError as error:  # a timeout is an OSError
        connection.answer.failure = repr(error)
    return connection.answer


async def send_all(asks: Sequence[Ask], at_once: int) -> list[Answer]:
    """Send all requests, never more than `at_once` at the same time."""
    places = asyncio.Semaphore(at_once)

    async def send_one(ask: Ask) -> Answer:
        async with places:
            return await send(ask)

    return list(await asyncio.gather(*map(send_one, asks)))


async def send_in_lots(asks: Sequence[Ask], lot: int) -> list[Answer]:
    """Send so many requests at the same moment, and the next lot when all of them have ended."""
    lots = [asks[start : start + lot] for start in range(0, len(asks), lot)]
    return [answer for some in lots for answer in await send_all(some, lot)]


async def open_all(
    asks: Sequence[Ask], waiting: int, when_open: Callable[[], Awaitable[object]]
) -> list[Answer]:
    """Send all, never more than `waiting` without text, then call `when_open` once.

    So they are opened as fast as the server can, and are open together if none ends before.
    """
    places = asyncio.Semaphore(waiting)

    async def open_one(ask: Ask) -> Answer:
        answer = await send(ask, on_content=places.release)
        if answer.first_at is None:
            places.release()
        return answer

    opened = []
    for ask in asks:
        await places.acquire()
        opened.append(asyncio.ensure_future(open_one(ask)))
    for _ in range(waiting):
        await places.acquire()
    await when_open()
    return list(await asyncio.gather(*opened))


def _chunks(body: bytes) -> Iterator[bytes]:
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        yield body[:length]
        body = body[length + 2 :]

"""Server-Sent Events: an unnamed frame an event (`data:`, `id:`), and comments as pings.

Frames are unnamed so that the smallest client (lines that begin with `data: `) and
`EventSource.onmessage` both work. The id is the last line: many readers take an id as soon as they
have read its line, and would lose for ever what was cut off behind it. Nothing in a frame but its
own line feeds is a line break to anybody, whatever he takes for one.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from weakref import finalize

from flask import Response, stream_with_context
from msgspec import json

from routes.transports.payloads import payload_of, resume_payload, status_payload
from routes.transports.wire import Wire, wire_of
from services.domain.deliveries import Batch, Delivery, EventStream, Outlet, Ping
from services.domain.events import Content, Done, Error, Resume, Status

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MIMETYPE = "text/event-stream"
PING_FRAME = b": ping\n\n"

_SEPARATORS = tuple((char.encode(), b"\\u%04x" % ord(char)) for char in "\u0085\u2028\u2029")
"""What JSON leaves as it is, and splitters of lines split at, as `str.splitlines` does."""

_OF_NEXT_LINE, _OF_PUNCTUATION = _SEPARATORS[0][0][0], _SEPARATORS[1][0][0]
"""The bytes that they begin with; few scripts have either. To look for them takes 20 ns."""

_FORMAT = "sse"
_encode = json.Encoder().encode


def frames(
    events: EventStream, head: bytes = b"", outlets: Iterable[Outlet] = ()
) -> Iterator[bytes]:
    """Give the frames of one reader, one bytes object a wake-up; reads no request context.

    None is empty, which would end the response. The first begins with `head` and is given here;
    the others may go to the outlets. Whoever opened the events closes them: closing a generator
    that was never started runs none of its code.
    """
    for delivery in events:
        if frame := frame_of(delivery, events):
            yield head + frame
            break
    for outlet in outlets:
        events.pass_on(outlet)
    for delivery in events:
        if frame := frame_of(delivery, events):
            yield frame


def frame_of(delivery: Delivery, events: EventStream) -> bytes:
    """Write a delivery; empty where all of it is internal."""
    match delivery:
        case Batch():
            written = delivery.encoded.get(_FORMAT)
            if written is None:
                written = delivery.encoded[_FORMAT] = _frames_of(delivery, events)
            return written
        case Status():
            return _in_lines(b"data: %b\n\n" % _encode(status_payload(delivery)))
        case Resume():
            # An empty id has standard readers forget theirs: `content` may reach beyond it.
            end = b"" if delivery.recovered else b"id:\n"
            return _in_lines(b"data: %b\n%b\n" % (_encode(resume_payload(delivery)), end))
        case Ping():
            return PING_FRAME


def _frames_of(batch: Batch, events: EventStream) -> bytes:
    prefix = f"{batch.run_id}.{batch.epoch}.".encode()
    written = []
    for seq, event in enumerate(batch.events, batch.first_seq):
        if isinstance(event, Content):
            text = _encode(event.content)
            frame = b'data: {"type":"content","content":%b}\nid: %b%d\n\n' % (text, prefix, seq)
        else:
            whole = events.text() if isinstance(event, Done | Error) else ""
            payload = payload_of(event, whole)
            if payload is None:
                continue
            frame = b"data: %b\nid: %b%d\n\n" % (_encode(payload), prefix, seq)
        written.append(frame)
    return _in_lines(b"".join(written))


def _in_lines(written: bytes) -> bytes:
    """Escape all that a reader may take for the end of a line; only strings can hold any of it."""
    if written.isascii() or not (_OF_NEXT_LINE in written or _OF_PUNCTUATION in written):
        return written
    for char, escaped in _SEPARATORS:
        written = written.replace(char, escaped)
    return written


class SseResponse(Response):
    """A stream of frames; closing it closes the events, read or not.

    What a client's connection takes at once goes past the server's own writing, and past the
    greenlet that reads: see `services.streams.bell`.
    """

    def __init__(self, events: EventStream, reconnect_seconds: float) -> None:
        """Take the events of one reader, and after what pause it is to come back.

        The pause is a line of the first frame: readers that parse the data of every block, also of
        one without any, stumble over a block of its own.
        """
        self._outlets: list[Outlet] = []
        head = b"retry: %d\n" % (reconnect_seconds * 1000)
        body = _Apart(stream_with_context(frames(events, head, self._outlets)))
        super().__init__(body, content_type=f"{MIMETYPE}; charset=utf-8")
        # Closed before its first frame (HEAD) the body would not do it: none of its code has run.
        self.call_on_close(events.close)
        self._events = events

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Begin the response; where it is known how the server writes, have frames go past it."""
        body = super().__call__(environ, start_response)
        wire = wire_of(start_response, lambda: self._events.is_over)
        if wire is not None:
            self._outlets.append(_FrameOutlet(self._events, wire))
        return body


class _Apart(Iterator[bytes]):
    """A body that is read and closed in a Context of its own, wherever that is done.

    Flask's contexts come off only where they were put on, and only the newest ones: two streams
    that are read in turn in one thread would end in an error, and one that is left to the garbage
    collector in the middle of somebody else's request.
    """

    def __init__(self, body: Iterator[bytes]) -> None:
        context = copy_context()
        written = cast("Generator[bytes, None, None]", body)
        self._next: Callable[[], bytes] = lambda: context.run(next, written)
        # It keeps the generator alive for as long as this is: no collector closes it elsewhere.
        self._finish = finalize(self, context.run, written.close)
        self._finish.atexit = False

    def __next__(self) -> bytes:
        return self._next()

    def close(self) -> None:
        self._finish()


class _FrameOutlet:
    """Writes batches as frames into a wire."""

    def __init__(self, events: EventStream, wire: Wire) -> None:
        self._events = events
        self._wire = wire
        self.flush = wire.flush

    def offer(self, batch: Batch) -> bool:
        frame = frame_of(batch, self._events)
        return not frame or self._wire.offer(frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTimes:
    """After what pause a reader comes back when it was cut off, and how a blocking call is kept.

    The pause is what the stream tells; readers that keep to the standard wait for so long. A
    blocking call gets white space as often as told; 0: none.
    """

    reconnect_seconds: float
    json_keepalive_seconds: float = 0


def sse_response(events: EventStream, times: StreamTimes) -> Response:
    """Answer with a stream of frames; a reader that takes nothing is dropped, and resumes."""
    response = SseResponse(events, times.reconnect_seconds)
    response.headers["Cache-Control"] = "no-cache, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["X-Run-Id"] = events.run_id
    return response

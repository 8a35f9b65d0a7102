"""Server-Sent Events: an unnamed frame an event (`id:`, `data:`), and comments as pings.

Frames are unnamed so that the smallest client (lines that begin with `data: `) and
`EventSource.onmessage` both work. The data is JSON, so no line break can get into a frame.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, cast
from weakref import finalize

from flask import Response, request, stream_with_context
from msgspec import json

from routes.transports.payloads import payload_of, resume_payload, status_payload
from routes.transports.wire import Wire, wire_of
from services.domain.deliveries import Batch, Delivery, EventStream, Ping
from services.domain.events import Content, Done, Error, Resume, Status

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MIMETYPE = "text/event-stream"
PING_FRAME = b": ping\n\n"

_FORMAT = "sse"
_encode = json.Encoder().encode


def frames(events: EventStream) -> Iterator[bytes]:
    """Give the frames of one reader, one bytes object a wake-up; reads no request context.

    None is empty, which would end the response. Whoever opened the events closes them: closing a
    generator that was never started runs none of its code.
    """
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
            return b"data: %b\n\n" % _encode(status_payload(delivery))
        case Resume():
            return b"data: %b\n\n" % _encode(resume_payload(delivery))
        case Ping():
            return PING_FRAME


def _frames_of(batch: Batch, events: EventStream) -> bytes:
    prefix = f"id: {batch.run_id}.{batch.epoch}.".encode()
    written = []
    for seq, event in enumerate(batch.events, batch.first_seq):
        if isinstance(event, Content):
            data = b'{"type":"content","content":%b}' % _encode(event.content)
        else:
            text = events.text() if isinstance(event, Done | Error) else ""
            payload = payload_of(event, text)
            if payload is None:
                continue
            data = _encode(payload)
        written.append(b"%b%d\ndata: %b\n\n" % (prefix, seq, data))
    return b"".join(written)


class SseResponse(Response):
    """A stream of frames; closing it closes the events, read or not.

    What a client's connection takes at once goes past the server's own writing, and past the
    greenlet that reads: see `services.streams.bell`.
    """

    def __init__(self, events: EventStream) -> None:
        """Take the events of one reader."""
        body = _Apart(stream_with_context(frames(events)))
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
            self._events.pass_on(_FrameOutlet(self._events, wire))
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


def sse_response(events: EventStream, send_timeout_seconds: float) -> Response:
    """Answer with a stream of frames.

    The send timeout is set on the socket itself, for as long as the stream lasts: gunicorn has
    none, and a reader that takes nothing would hold its greenlet for ever. It is dropped then, and
    resumes.
    """
    response = SseResponse(events)
    socket = request.environ.get("gunicorn.socket")
    if socket is not None:
        # It bounds reading too, and the next request of the connection may come more slowly.
        response.call_on_close(partial(socket.settimeout, socket.gettimeout()))
        socket.settimeout(send_timeout_seconds)
    response.headers["Cache-Control"] = "no-cache, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["X-Run-Id"] = events.run_id
    return response

"""Server-Sent Events: an unnamed frame an event (`id:`, `data:`), and comments as pings.

Frames are unnamed so that the smallest client (lines that begin with `data: `) and
`EventSource.onmessage` both work. The data is JSON, so no line break can get into a frame.
"""

from collections.abc import Iterator

from flask import Response, request
from msgspec import json

from routes.transports.payloads import payload_of, resume_payload, status_payload
from services.domain.deliveries import Batch, Delivery, EventStream, Ping
from services.domain.events import Content, Done, Error, Resume, Status

MIMETYPE = "text/event-stream"
PING_FRAME = b": ping\n\n"

_FORMAT = "sse"
_encode = json.Encoder().encode


class SseFrames(Iterator[bytes]):
    """The frames of one reader, one bytes object a wake-up; reads no request context.

    An iterator and no generator, so that closing gives the reader's place back in any case.
    """

    def __init__(self, events: EventStream) -> None:
        """Take the events; they are closed with this iterator."""
        self._events = events

    def __next__(self) -> bytes:
        """Wait for the next events and encode them; never empty, which would end the response."""
        while True:
            frame = self._frame(next(self._events))
            if frame:
                return frame

    def _frame(self, delivery: Delivery) -> bytes:
        match delivery:
            case Batch():
                frames = delivery.encoded.get(_FORMAT)
                if frames is None:
                    frames = delivery.encoded[_FORMAT] = self._frames(delivery)
                return frames
            case Status():
                return b"data: %b\n\n" % _encode(status_payload(delivery))
            case Resume():
                return b"data: %b\n\n" % _encode(resume_payload(delivery))
            case Ping():
                return PING_FRAME

    def _frames(self, batch: Batch) -> bytes:
        prefix = f"id: {batch.run_id}.{batch.epoch}.".encode()
        frames = []
        for seq, event in enumerate(batch.events, batch.first_seq):
            if isinstance(event, Content):
                data = b'{"type":"content","content":%b}' % _encode(event.content)
            else:
                text = self._events.text() if isinstance(event, Done | Error) else ""
                payload = payload_of(event, text)
                if payload is None:
                    continue
                data = _encode(payload)
            frames.append(b"%b%d\ndata: %b\n\n" % (prefix, seq, data))
        return b"".join(frames)

    def close(self) -> None:
        """Stop reading."""
        self._events.close()


def sse_response(events: EventStream, send_timeout_seconds: float) -> Response:
    """Answer with a stream of frames; closing the response closes the events, read or not.

    The send timeout is set on the socket itself: gunicorn has none, and a reader that takes
    nothing would hold its greenlet for ever. It is dropped then, and resumes.
    """
    socket = request.environ.get("gunicorn.socket")
    if socket is not None:
        socket.settimeout(send_timeout_seconds)
    # Not in stream_with_context: closed before its first frame (HEAD) it would not close these.
    response = Response(SseFrames(events), content_type=f"{MIMETYPE}; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache, no-transform"
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["X-Run-Id"] = events.run_id
    return response

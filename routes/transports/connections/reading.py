"""Requests as gunicorn parses them, with what it leaves open: what becomes of an unread body."""

import sys
from typing import Any

from gunicorn.http.body import (  # type: ignore[import-untyped]  # it has no types
    ChunkedReader,
    LengthReader,
)
from gunicorn.http.errors import (  # type: ignore[import-untyped]  # the same
    InvalidChunkSize,
    NoMoreData,
)
from gunicorn.http.message import Request  # type: ignore[import-untyped]  # the same
from gunicorn.http.parser import RequestParser  # type: ignore[import-untyped]  # the same

from routes.transports.connections.bounds import KEPT_BODY_BYTES, MAX_HEAD_BYTES, Bounds
from routes.transports.connections.client_socket import ClientSocket
from routes.transports.connections.clocks import BodyClock, HeadClock
from services.domain.errors.base import CharlaError

_MOST_CHUNKS = 10_000
"""A chunk takes 5 us, however small it is: 200,000 of one byte took the hub for a second."""

_INVITATION = b"HTTP/1.1 100 Continue\r\n\r\n"


class BoundedChunks(ChunkedReader):  # type: ignore[misc]  # gunicorn has no types
    """A body in chunks, of which there may be only so many."""

    left = _MOST_CHUNKS

    def parse_chunk_size(self, *args: Any, **options: Any) -> Any:
        """Read the head of the next chunk."""
        self.left -= 1
        if self.left < 0:
            raise InvalidChunkSize(b"too many chunks")
        return super().parse_chunk_size(*args, **options)


class ClientRequest(Request):  # type: ignore[misc]  # gunicorn has no types
    """A request whose answer says `Connection: close` where too much of its body was not read.

    The head is written when the handler is done, so that is known by then.
    """

    must_close: bool
    _expected_100_continue: bool

    def __init__(self, requests: "ClientRequests", *args: Any) -> None:
        """Parse the head; `requests.latest` shows how far it got where that fails."""
        requests.latest = self
        self.clock: BodyClock | None = None
        super().__init__(*args)

    def parse(self, unreader: Any) -> Any:
        """Parse the head, which has a bound."""
        self.max_buffer_headers = MAX_HEAD_BYTES
        return super().parse(unreader)

    def set_body_reader(self) -> None:
        """Choose how the body is read; one in chunks has a bound of its own."""
        super().set_body_reader()
        if type(self.body.reader) is ChunkedReader:
            self.body.reader = BoundedChunks(self, self.unreader)

    def expect_body(self, bounds: Bounds) -> BodyClock | None:
        """Give what bounds the wait for the body; None: there is none.

        A client that asks before it sends is told to go on only once somebody reads: a refusal
        spares it the sending.
        """
        if self.unread_bytes:
            invitation = _INVITATION if self._expected_100_continue else b""
            self.clock = BodyClock(bounds.body_seconds, bounds.bytes_per_second, invitation)
        self._expected_100_continue = False
        return self.clock

    @property
    def unread_bytes(self) -> int:
        """Tell how much of the body is left; where nobody knows, more than any number."""
        reader = self.body.reader
        if isinstance(reader, LengthReader):
            return int(reader.length)
        return sys.maxsize if reader.parser else 0

    @property
    def leaves_body(self) -> bool:
        """Tell whether the connection cannot be used again, because of what is left of the body."""
        if self.clock is None:
            return False
        if self.body.failed or (self.clock.invitation and self.unread_bytes):
            return True
        return self.unread_bytes > KEPT_BODY_BYTES

    def should_close(self) -> bool:
        """Tell whether the connection ends with the answer."""
        if not self.must_close and self.leaves_body:
            self.must_close = True
        return bool(super().should_close())


class ClientRequests(RequestParser):  # type: ignore[misc]  # gunicorn has no types
    """The requests of one connection, one after the other."""

    def __init__(self, cfg: Any, client: ClientSocket, address: Any) -> None:
        """Read nothing yet."""
        super().__init__(cfg, client, address)
        self.latest: ClientRequest | None = None

    def next_head(self, client: ClientSocket, wait_seconds: float, bounds: Bounds) -> ClientRequest:
        """Wait for the next request; raise StopIteration where none comes.

        Raise RequestTimeout where its head comes too slowly, ParseException where it is none.
        """
        client.release()
        begun = bool(self.unreader.buf.getbuffer())
        client.clock = HeadClock(wait_seconds, bounds.head_seconds, has_begun=begun)
        client.was_answered = self.req_count > 0
        self.latest = None
        self.req_count += 1
        try:
            request = ClientRequest(self, self.cfg, self.unreader, self.source_addr, self.req_count)
        except NoMoreData as exc:
            raise StopIteration from exc
        self.mesg = request
        client.clock = request.expect_body(bounds)
        client.waited_seconds = 0.0
        return request

    @property
    def are_cut_short(self) -> bool:
        """Tell whether the client may still be sending the body of its last request."""
        request = self.mesg
        if request is None or request.clock is None:
            return False
        here = len(self.unreader.buf.getbuffer())
        return bool(request.body.failed or request.unread_bytes > here)

    def skip_body(self) -> bool:
        """Pass over what is left of the body, which is little; False: it did not come."""
        if self.mesg is None or self.mesg.clock is None:
            return True
        try:
            return bool(self.finish_body())
        except (CharlaError, OSError):
            return False

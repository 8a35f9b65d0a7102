"""HTTP/1.1 over urllib3, under an SDK that speaks httpx2.

An SDK's own transport takes twice the CPU for every piece of a stream. The SDK still makes the
request and judges the status; the bytes of the answer are read here, from `ResponseBody.pieces`.
"""

import builtins
import contextlib
import ssl
from collections.abc import Generator, Iterator, Mapping
from functools import partial
from itertools import islice
from time import monotonic

import gevent.socket
import httpx2
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    SSLError,
    TimeoutError,  # noqa: A004 - urllib3's root of timeouts, and the builtin is its parent's kin
)

from services.providers.wire.chunk_decoder import ChunkDecoder
from services.providers.wire.silence_watch import SilenceWatch
from services.providers.wire.sockets import lean_pool

BODY_EXTENSION = "charla.body"
"""Where a response keeps its ResponseBody: `response.extensions[BODY_EXTENSION]`."""

READ_BYTES = 1 << 14  # of a streamed piece hardly ever more than a tenth of it comes at once
IDLE_CONNECTIONS = 10_000  # as many as there can be streams; a smaller pool warns at each return
BUFFER_BYTES = 1 << 16  # not less than what may wait in a buffer of http.client's
END_SECONDS = 0.25
END_PIECES = 8


class ResponseBody(httpx2.SyncByteStream):
    """The bytes of one answer.

    Read to its end, the connection goes back to the pool. Closed before, or failed, it is closed
    at once, which is how an upstream learns that nobody wants the rest.
    """

    def __init__(
        self, raw: urllib3.BaseHTTPResponse, read_seconds: float | None, watch: SilenceWatch
    ) -> None:
        """Take the read timeout over from the socket where gevent would keep it with timers."""
        self._raw = raw
        self._watch = watch
        self._is_silent = False
        self._reading: Generator[bytes, None, None] | None = None
        self.heard_at = monotonic()
        self.silence_seconds = read_seconds or 0.0
        sock = self._socket()
        if read_seconds is not None and isinstance(sock, gevent.socket.socket):
            sock.settimeout(None)
            watch.add(self)

    def __iter__(self) -> Iterator[bytes]:
        """Give the bytes as they came, for httpx2, which decodes them itself."""
        return self._read(decode=False)

    def pieces(self) -> Iterator[bytes]:
        """Give the decoded bytes as they come; raises httpx2's TransportErrors."""
        sock = self._socket()
        is_plain = self._raw.headers.get("content-encoding", "identity") == "identity"
        if sock is not None and self._raw.chunked and is_plain:
            self._reading = self._read_chunks(sock)
        else:
            self._reading = self._read(decode=True)
        return self._reading

    def finish(self) -> None:
        """Read the few bytes behind the last frame, so that the connection can serve again.

        They come with the frame or right after it. A server that keeps the body open holds
        nobody up: after a quarter of a second the connection counts as lost.
        """
        sock = self._socket()
        if self._reading is None or sock is None:
            return
        self._watch.discard(self)
        sock.settimeout(END_SECONDS)
        with contextlib.suppress(httpx2.TransportError):
            for _ in islice(self._reading, END_PIECES):
                pass

    def abort(self) -> None:
        """Make the waiting read fail with ReadTimeout."""
        self._is_silent = True
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # somebody was faster
            self._raw.shutdown()

    def close(self) -> None:
        """Close the connection, unless it was read to its end and is back in the pool."""
        self._watch.discard(self)
        self._raw.close()

    def _read(self, *, decode: bool) -> Generator[bytes, None, None]:
        raw = self._raw
        source: Iterator[bytes]
        if raw.chunked:
            source = iter(raw.read_chunked(READ_BYTES, decode_content=decode))
        else:
            source = iter(partial(raw.read1, READ_BYTES, decode_content=decode), b"")
        with self._mapped_errors():
            for piece in source:
                self.heard_at = monotonic()
                yield piece
        self._watch.discard(self)

    def _read_chunks(self, sock: gevent.socket.socket) -> Generator[bytes, None, None]:
        """Read past urllib3, from the socket itself once its buffer is empty."""
        decoder = ChunkDecoder()
        with self._mapped_errors():
            data = self._raw._fp.fp.read1(BUFFER_BYTES)  # type: ignore[attr-defined]  # noqa: SLF001 - what came with the headers is nowhere else
            while data:
                self.heard_at = monotonic()
                if piece := decoder.feed(data):
                    yield piece
                if decoder.is_over:
                    break
                data = sock.recv(READ_BYTES)
            else:
                decoder.end()
        self._watch.discard(self)
        if data and not decoder.left_over:
            self._raw._original_response.close()  # type: ignore[attr-defined]  # noqa: SLF001 - as urllib3 does behind the last chunk
            self._raw.release_conn()
        else:
            self._raw.close()

    @contextlib.contextmanager
    def _mapped_errors(self) -> Generator[None, None, None]:
        try:
            yield
        except (HTTPError, OSError) as exc:
            self._raw.close()
            if self._is_silent:
                raise httpx2.ReadTimeout("the server was silent for too long") from exc
            raise _as_httpx2(exc) from exc

    def _socket(self) -> gevent.socket.socket | None:
        return getattr(getattr(self._raw, "connection", None), "sock", None)


class Urllib3Transport(httpx2.BaseTransport):
    """Sends each request once: no retries, no redirects, no proxies, certificates verified."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Verify against the system's authorities, or as the given context does.

        One context serves all connections: loading the authorities takes 20 ms each time.
        """
        self._watch = SilenceWatch()
        self._pool = lean_pool(tls or ssl.create_default_context(), IDLE_CONNECTIONS)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send, and return as soon as the headers are there."""
        timeout = request.extensions.get("timeout", {})
        headers = dict(request.headers)
        return self.send(request.method, str(request.url), headers, request.read(), timeout)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        timeout: Mapping[str, float | None],
    ) -> httpx2.Response:
        """Send what `handle_request` does, without a request of httpx2's; `timeout` is as there."""
        read_seconds = timeout.get("read")
        try:
            raw = self._pool.urlopen(
                method,
                url,
                redirect=False,
                retries=False,
                body=body,
                headers=headers,
                preload_content=False,
                timeout=urllib3.Timeout(connect=timeout.get("connect"), read=read_seconds),
            )
        except (HTTPError, OSError) as exc:
            raise _as_httpx2(exc) from exc
        answer = ResponseBody(raw, read_seconds, self._watch)
        return httpx2.Response(
            raw.status,
            headers=list(raw.headers.items()),
            stream=answer,
            extensions={BODY_EXTENSION: answer},
        )

    def close(self) -> None:
        """Close the connections that wait in the pool."""
        self._pool.clear()


def _as_httpx2(exc: Exception) -> httpx2.TransportError:
    match exc:
        case NewConnectionError() | NameResolutionError() | SSLError():
            return httpx2.ConnectError(str(exc))
        case ConnectTimeoutError():
            return httpx2.ConnectTimeout(str(exc))
        case TimeoutError() | builtins.TimeoutError():
            return httpx2.ReadTimeout(str(exc))
        case ProtocolError() if not isinstance(exc.__cause__, OSError):
            return httpx2.RemoteProtocolError(str(exc))
        case _:
            return httpx2.ReadError(str(exc))

"""HTTP/1.1 over urllib3, under an SDK that speaks httpx2.

An SDK's own transport takes twice the CPU for every piece of a stream. The SDK still makes the
request and judges the status; the bytes of the answer are read here, from `ResponseBody.pieces`.
"""

import builtins
import contextlib
import socket
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

from services.providers.errors.explanations import MOST_BYTES
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

REFUSAL = 300
"""From this status on nobody reads an answer; what it says is read with the headers."""

TOLD_SECONDS = 2.0
"""In what time a refusal says why: its status waits for that, and counts without it."""

MOST_WHOLE_BYTES = 1 << 26
"""Of a body that is read in one: the longest lists of models and of vectors have a tenth of it."""

_CODED = "content-encoding"  # what is handed on is decoded


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
        sock = self._socket() or self._socket_of_file()
        self._timed: socket.socket | None = sock
        if read_seconds is not None and isinstance(sock, gevent.socket.socket):
            self._timed = None
            sock.settimeout(None)
            watch.add(self)

    def __iter__(self) -> Iterator[bytes]:
        """Give the decoded bytes of a body that is wanted in one, for httpx2.

        It has the time that a server may be silent, and ends in a TransportError past that, and
        where it is longer than anybody needs.
        """
        size = 0
        for piece in self._read_within(self.silence_seconds):
            size += len(piece)
            if size > MOST_WHOLE_BYTES:
                self.close()
                raise httpx2.RemoteProtocolError("the body is too long")
            yield piece

    def told(self) -> bytes:
        """Give what a refusal says, as far as it can be read soon; raises nothing."""
        told = b""
        with contextlib.closing(self), contextlib.suppress(httpx2.TransportError):
            for piece in self._read_within(TOLD_SECONDS):
                told += piece
                if len(told) >= MOST_BYTES:
                    break
        return told[:MOST_BYTES]

    def pieces(self) -> Iterator[bytes]:
        """Give the decoded bytes as they come; raises httpx2's TransportErrors."""
        sock = self._socket()
        is_plain = self._raw.headers.get(_CODED, "identity") == "identity"
        if sock is not None and self._raw.chunked and is_plain:
            self._reading = self._read_chunks(sock)
        else:
            self._reading = self._read()
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

    def _read_within(self, seconds: float) -> Generator[bytes, None, None]:
        """Read, and raise ReadTimeout if the whole body takes longer: signs of life do not help."""
        begun_at = self.heard_at = monotonic()
        self.silence_seconds = min(seconds, self.silence_seconds)
        if self._timed is not None:
            self._timed.settimeout(self.silence_seconds or None)
        for piece in self._read():
            self.heard_at = begun_at
            yield piece
            if monotonic() - begun_at > seconds:
                self.close()
                raise httpx2.ReadTimeout("the body took too long")

    def _read(self) -> Generator[bytes, None, None]:
        raw = self._raw
        source: Iterator[bytes]
        if raw.chunked:
            source = iter(raw.read_chunked(READ_BYTES, decode_content=True))
        else:
            source = iter(partial(raw.read1, READ_BYTES, decode_content=True), b"")
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

    def _socket_of_file(self) -> socket.socket | None:
        """Give what is read from where the connection is not kept: nothing else has it then."""
        file = getattr(getattr(self._raw, "_fp", None), "fp", None)
        return getattr(getattr(file, "raw", None), "_sock", None)


class Urllib3Transport(httpx2.BaseTransport):
    """Sends each request once: no retries, no redirects, no proxies, certificates verified."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Verify against the system's authorities, or as the given context does.

        One context serves all connections: loading the authorities takes 20 ms each time.
        """
        self._watch = SilenceWatch()
        self._pool = lean_pool(tls or ssl.create_default_context(), IDLE_CONNECTIONS)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send, and return as soon as the headers are there, or what a refusal says."""
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
        fields = [field for field in raw.headers.items() if field[0].lower() != _CODED]
        if raw.status >= REFUSAL:
            return httpx2.Response(raw.status, headers=fields, content=answer.told())
        return httpx2.Response(
            raw.status, headers=fields, stream=answer, extensions={BODY_EXTENSION: answer}
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

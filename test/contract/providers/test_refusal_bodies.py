"""What a refusal says is read as far as it helps; its status counts, whatever its body does."""

import contextlib
import gzip
import socket
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from threading import Thread
from time import monotonic

import httpx2
import pytest

from services.providers.errors.explanations import MOST_BYTES
from services.providers.wire import transport
from services.providers.wire.transport import TOLD_SECONDS, Urllib3Transport

TOLD = b'{"error": {"message": "no"}}'
HEAD = b"HTTP/1.1 401 No\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
CLOSE = b"Connection: close\r\n\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n"
ANSWER = OK + b"Content-Length: 2\r\n\r\nhi"
MORE = b"x" * (1 << 16)
SILENT_SECONDS = 10.0


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    """Give a client on the transport that would wait for long."""
    with httpx2.Client(
        transport=Urllib3Transport(), timeout=SILENT_SECONDS, trust_env=False
    ) as made:
        yield made


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Give a socket that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def url_after(listener: socket.socket, parts: Iterable[bytes], *, keeps_open: bool = False) -> str:
    """Give the address of a server that answers once with these parts, as long as it is heard."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            for part in parts:
                connection.sendall(part)
            if keeps_open:
                connection.recv(1)

    Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.mark.parametrize(
    "start",
    [HEAD + CLOSE, HEAD + b"Content-Length: 1000000000\r\n\r\n", HEAD + CHUNKS + b"3b9aca00\r\n"],
    ids=["without a length", "with a length", "chunks"],
)
def test_of_an_endless_refusal_a_beginning_is_read(
    client: httpx2.Client, listener: socket.socket, start: bytes
) -> None:
    response = client.get(url_after(listener, chain([start + TOLD], repeat(MORE))))

    assert response.status_code == 401
    assert response.content.startswith(TOLD)
    assert len(response.content) == MOST_BYTES


@pytest.mark.parametrize(
    "start",
    [HEAD + CLOSE + TOLD, HEAD + b"Content-Length: 1000\r\n\r\n" + TOLD],
    ids=["without a length", "with a length"],
)
def test_a_refusal_that_does_not_go_on_is_told_soon(
    client: httpx2.Client, listener: socket.socket, start: bytes
) -> None:
    began = monotonic()

    response = client.get(url_after(listener, [start], keeps_open=True))

    assert (response.status_code, response.content) == (401, TOLD)
    assert monotonic() - began < TOLD_SECONDS + 2  # silence is looked for once a second


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"Content-Length: 1000\r\n\r\n" + TOLD, TOLD),
        (CHUNKS + b"1c\r\n" + TOLD + b"\r\n", TOLD),
        (CHUNKS + TOLD, b""),
        (b"Content-Encoding: gzip\r\n" + CLOSE + TOLD, b""),
        (b"Content-Encoding: gzip\r\n" + CLOSE + gzip.compress(TOLD), TOLD),
    ],
    ids=["too short", "cut chunks", "no chunks", "no gzip", "gzip"],
)
def test_a_refusal_whose_body_is_broken_is_a_refusal(
    client: httpx2.Client, listener: socket.socket, body: bytes, content: bytes
) -> None:
    response = client.get(url_after(listener, [HEAD + body]))

    assert (response.status_code, response.content) == (401, content)


def test_of_a_compressed_refusal_no_more_is_unpacked(
    client: httpx2.Client, listener: socket.socket
) -> None:
    packed = gzip.compress(TOLD + bytes(1 << 26))

    response = client.get(
        url_after(listener, [HEAD + b"Content-Encoding: gzip\r\n" + CLOSE + packed])
    )

    assert len(response.content) == MOST_BYTES


def test_a_list_that_does_not_end_is_given_up(
    client: httpx2.Client, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MOST_WHOLE_BYTES", 1 << 20)

    with pytest.raises(httpx2.RemoteProtocolError):
        client.get(url_after(listener, chain([OK + CLOSE], repeat(MORE))))


@pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_an_answer_may_be_announced(
    client: httpx2.Client, listener: socket.socket, status: bytes
) -> None:
    interim = b"HTTP/1.1 " + status + b"\r\nLink: </style>\r\n\r\n"

    response = client.get(url_after(listener, [interim, interim + ANSWER]))

    assert (response.status_code, response.text) == (200, "hi")


def test_an_answer_that_is_only_announced_is_none(
    client: httpx2.Client, listener: socket.socket
) -> None:
    with pytest.raises(httpx2.TransportError):
        client.get(url_after(listener, repeat(b"HTTP/1.1 102 Processing\r\n\r\n")))

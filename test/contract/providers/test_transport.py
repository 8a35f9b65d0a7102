"""The transport under the SDK: one try, no detours, httpx2's errors, certificates verified."""

import gzip
import socket
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from threading import Thread

import httpx2
import pytest
from certificates import server_and_client_tls
from wires.fixtures import WireServer

from services.providers.wire.transport import BODY_EXTENSION, Urllib3Transport

HEAD_OF_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"5;what=ever\r\nhello\r\n06\r\n world\r\n0\r\n\r\n"
TEXT = b"hello world"
ZIPPED = gzip.compress(TEXT)
PATIENCE_SECONDS = 10


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    """Give a client on the transport."""
    with httpx2.Client(transport=Urllib3Transport(), timeout=0.4, trust_env=False) as made:
        yield made


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Give a socket that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def url_of(listener: socket.socket, scheme: str = "http") -> str:
    return f"{scheme}://localhost:{listener.getsockname()[1]}/"


def answer_once(listener: socket.socket, answer: bytes, tls: ssl.SSLContext | None = None) -> None:
    """Accept a connection in a thread, read a request, answer, close."""

    def serve() -> None:
        connection, _ = listener.accept()
        try:
            with tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
                stream.recv(1 << 16)
                stream.sendall(answer)
        except OSError:
            connection.close()

    Thread(target=serve, daemon=True).start()


def answer_next(connection: socket.socket, answer: bytes) -> None:
    """Read a request on an open connection, and answer."""
    connection.recv(1 << 16)
    connection.sendall(answer)


@contextmanager
def client_of(
    listener: socket.socket, client: httpx2.Client, start: bytes
) -> Generator[tuple[httpx2.Response, socket.socket], None, None]:
    """Give an answer that has begun, and the server's end of its connection."""
    accepted: list[socket.socket] = []

    def serve() -> None:
        accepted.append(listener.accept()[0])
        answer_next(accepted[0], start)

    serving = Thread(target=serve)
    serving.start()
    with client.stream("GET", url_of(listener)) as response:
        serving.join()
        with accepted[0] as server:
            yield response, server


def test_a_plain_request_is_read_to_its_end(client: httpx2.Client, wire: WireServer) -> None:
    response = client.get(f"{wire.url}/live")

    assert response.status_code == 200
    assert response.json()["live"] >= 0


def test_a_redirect_is_handed_back(client: httpx2.Client, wire: WireServer) -> None:
    response = client.post(f"{wire.base_url}/chat/completions", json={"model": "redirect"})

    assert response.status_code == 307


def test_a_refused_connection_is_a_connect_error(client: httpx2.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = url_of(gone)

    with pytest.raises(httpx2.ConnectError):
        client.get(url)


def test_a_name_that_does_not_exist_is_a_connect_error(client: httpx2.Client) -> None:
    with pytest.raises(httpx2.ConnectError):
        client.get("http://no-such-host.invalid/")


def test_a_server_that_says_nothing_is_a_read_timeout(
    client: httpx2.Client, listener: socket.socket
) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        client.get(url_of(listener))


@pytest.mark.parametrize("answer", [b"", b"hello\r\n\r\n", b"HTTP/1.1 two hundred\r\n\r\n"])
def test_an_answer_that_is_no_http_is_a_transport_error(
    client: httpx2.Client, listener: socket.socket, answer: bytes
) -> None:
    answer_once(listener, answer)

    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
        client.get(url_of(listener))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
    ],
)
def test_a_body_that_breaks_off_is_a_protocol_error(
    client: httpx2.Client, listener: socket.socket, answer: bytes
) -> None:
    answer_once(listener, answer)

    with pytest.raises(httpx2.RemoteProtocolError):
        client.get(url_of(listener))


def test_a_piece_is_given_before_the_next_one_is_sent(
    client: httpx2.Client, listener: socket.socket
) -> None:
    with client_of(listener, client, HEAD_OF_CHUNKS) as (response, server):
        pieces = response.extensions[BODY_EXTENSION].pieces()
        for word in (b"one", b"two", b"three"):
            server.sendall(b"%x\r\n%b\r\n" % (len(word), word))
            assert next(pieces) == word
        server.sendall(b"0\r\n\r\n")
        assert next(pieces, None) is None


@pytest.mark.parametrize("is_encrypted", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        HEAD_OF_CHUNKS + CHUNKS,
        HEAD_OF_CHUNKS + CHUNKS.replace(b"0\r\n\r\n", b"0;last\r\nX-Sum: 1\r\n\r\n"),
        HEAD_OF_CHUNKS.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
        + b"%x\r\n%b\r\n0\r\n\r\n" % (len(ZIPPED), ZIPPED),
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(TEXT), TEXT),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + TEXT,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
        b"HTTP/1.0 200 OK\r\n\r\n" + TEXT,
    ],
    ids=["chunks", "trailer", "gzip", "length", "until closed", "chunks and closed", "HTTP 1.0"],
)
def test_a_body_is_read_whole_however_it_is_framed(
    listener: socket.socket, answer: bytes, *, is_encrypted: bool
) -> None:
    server_tls, client_tls = server_and_client_tls()
    answer_once(listener, answer, server_tls if is_encrypted else None)
    trusting = Urllib3Transport(client_tls)
    url = url_of(listener, "https" if is_encrypted else "http")

    with (
        httpx2.Client(transport=trusting, trust_env=False) as client,
        client.stream("GET", url) as response,
    ):
        assert b"".join(response.extensions[BODY_EXTENSION].pieces()) == TEXT


@pytest.mark.parametrize(
    "body", [b"5\r\nhello\r\n", b"9\r\nhello", b"hello\r\n", b"5\r\nhello!\r\n0\r\n\r\n"]
)
def test_pieces_that_break_off_are_a_protocol_error(
    client: httpx2.Client, listener: socket.socket, body: bytes
) -> None:
    answer_once(listener, HEAD_OF_CHUNKS + body)

    with (
        client.stream("GET", url_of(listener)) as response,
        pytest.raises(httpx2.RemoteProtocolError),
    ):
        list(response.extensions[BODY_EXTENSION].pieces())


def test_pieces_that_stay_away_are_a_read_timeout(
    client: httpx2.Client, listener: socket.socket
) -> None:
    with client_of(listener, client, HEAD_OF_CHUNKS + b"5\r\nhello\r\n") as (response, _):
        pieces = response.extensions[BODY_EXTENSION].pieces()
        assert next(pieces) == b"hello"
        with pytest.raises(httpx2.ReadTimeout):
            next(pieces)


def test_a_connection_serves_again_once_its_chunks_are_read(
    client: httpx2.Client, listener: socket.socket
) -> None:
    with client_of(listener, client, HEAD_OF_CHUNKS + CHUNKS) as (response, server):
        assert b"".join(response.extensions[BODY_EXTENSION].pieces()) == TEXT
        again = Thread(target=answer_next, args=(server, HEAD_OF_CHUNKS + CHUNKS))
        again.start()
        with client.stream("GET", url_of(listener)) as second:
            assert b"".join(second.extensions[BODY_EXTENSION].pieces()) == TEXT
        again.join()


@pytest.mark.parametrize("told", [CHUNKS + b"HTTP/1.1 500 Nobody asked", CHUNKS[:-7], CHUNKS])
def test_a_connection_does_not_serve_again_where_it_is_left_in_the_middle(
    client: httpx2.Client, listener: socket.socket, told: bytes
) -> None:
    with client_of(listener, client, HEAD_OF_CHUNKS + told) as (response, server):
        next(response.extensions[BODY_EXTENSION].pieces())
        response.close()
        server.settimeout(PATIENCE_SECONDS)
        assert server.recv(1) == b""


def test_a_certificate_that_nobody_vouches_for_is_refused(
    client: httpx2.Client, listener: socket.socket
) -> None:
    server_tls, _ = server_and_client_tls()
    answer_once(listener, b"HTTP/1.1 204 No\r\n\r\n", server_tls)

    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        client.get(url_of(listener, "https"))


def test_a_certificate_that_is_trusted_is_taken(listener: socket.socket) -> None:
    server_tls, client_tls = server_and_client_tls()
    answer_once(listener, b"HTTP/1.1 204 No\r\n\r\n", server_tls)
    trusting = Urllib3Transport(client_tls)

    with httpx2.Client(transport=trusting, trust_env=False) as client:
        assert client.get(url_of(listener, "https")).status_code == 204

"""The transport under the SDK: one try, no detours, httpx2's errors, certificates verified."""

import socket
import ssl
from collections.abc import Iterator
from threading import Thread

import httpx2
import pytest
from certificates import server_and_client_tls
from wires.fixtures import WireServer

from services.providers.wire.transport import BODY_EXTENSION, Urllib3Transport


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    """Give a client on the transport."""
    with httpx2.Client(transport=Urllib3Transport(), timeout=0.4, trust_env=False) as made:
        yield made


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Give a socket that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def url_of(listener: socket.socket, scheme: str = "http") -> str:
    return f"{scheme}://localhost:{listener.getsockname()[1]}/"


def answer_once(listener: socket.socket, answer: bytes, tls: ssl.SSLContext | None = None) -> None:
    """Take one connection in a thread, read a request, answer, close."""

    def serve() -> None:
        connection, _ = listener.accept()
        try:
            with tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
                stream.recv(1 << 16)
                stream.sendall(answer)
        except OSError:
            connection.close()

    Thread(target=serve, daemon=True).start()


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


def test_the_pieces_of_a_body_come_as_they_are_sent(
    client: httpx2.Client, wire: WireServer
) -> None:
    with client.stream(
        "POST", f"{wire.base_url}/chat/completions", json={"model": "plain"}
    ) as response:
        pieces = list(response.extensions[BODY_EXTENSION].pieces())

    assert len(pieces) == 10
    assert all(piece.endswith(b"\n\n") for piece in pieces)


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

"""Connections that wait before they read: all bytes, in time, and an end to every wait."""

import ssl
from collections.abc import Iterator

import gevent
import gevent.socket
import gevent.ssl
import pytest
from certificates import server_and_client_tls

from services.providers.wire.sockets import LeanSocket, LeanTlsSocket

PATIENCE_SECONDS = 10
SIZE = 4_096
PIECES = [b"a", b"b" * SIZE, b"c" * (SIZE - 1), b"d", b"e" * 300_000]

Pair = tuple[gevent.socket.socket, gevent.socket.socket]


@pytest.fixture(params=["plain", "tls"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Give a connection under test, and its peer's end."""
    ours, theirs = gevent.socket.socketpair()
    with ours, theirs, gevent.Timeout(PATIENCE_SECONDS):
        if request.param == "plain":
            ours.__class__ = LeanSocket
            yield ours, theirs
        else:
            yield from _in_tls(ours, theirs)


def _in_tls(ours: gevent.socket.socket, theirs: gevent.socket.socket) -> Iterator[Pair]:
    server_tls, client_tls = (_of_gevent(tls) for tls in server_and_client_tls())
    client_tls.sslsocket_class = LeanTlsSocket
    peer = gevent.spawn(server_tls.wrap_socket, theirs, server_side=True)
    with client_tls.wrap_socket(ours, server_hostname="localhost") as lean, peer.get() as other:
        yield lean, other


def _of_gevent(tls: ssl.SSLContext) -> ssl.SSLContext:
    """Make the context of the kind that a patched process has."""
    tls.__class__ = gevent.ssl.SSLContext
    return tls


def read(connection: gevent.socket.socket, size: int) -> bytes:
    """Read so many bytes."""
    told = bytearray()
    buffer = bytearray(SIZE)
    while len(told) < size:
        count = connection.recv_into(buffer)
        assert count
        told += buffer[:count]
    return bytes(told)


def test_every_byte_comes_whatever_the_pieces(pair: Pair) -> None:
    ours, theirs = pair

    def send() -> None:
        for piece in PIECES:
            theirs.sendall(piece)

    sending = gevent.spawn(send)
    assert read(ours, sum(map(len, PIECES))) == b"".join(PIECES)
    sending.get()


def test_a_piece_is_there_as_soon_as_it_is_sent(pair: Pair) -> None:
    ours, theirs = pair
    for piece in (b"one", b"two", b"three"):
        theirs.sendall(piece)
        assert read(ours, len(piece)) == piece


def test_the_end_is_told_again_and_again(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"last")
    assert read(ours, 4) == b"last"
    theirs.close()

    assert [ours.recv_into(bytearray(SIZE)) for _ in range(2)] == [0, 0]


def test_an_end_without_a_close_is_told_again_too(pair: Pair) -> None:
    ours, theirs = pair
    if not isinstance(theirs, gevent.ssl.SSLSocket):
        theirs.shutdown(gevent.socket.SHUT_WR)
    else:
        gevent.spawn(theirs.unwrap)  # it waits for our goodbye, and keeps the connection

    assert [ours.recv_into(bytearray(SIZE)) for _ in range(2)] == [0, 0]


def test_what_was_closed_is_read_as_any_closed_socket(pair: Pair) -> None:
    ours, _ = pair
    ours.close()

    with pytest.raises(OSError, match=r"Bad file descriptor|closed"):
        ours.recv_into(bytearray(SIZE))


def test_who_must_not_wait_does_not(pair: Pair) -> None:
    ours, _ = pair
    ours.setblocking(False)  # noqa: FBT003 - as the standard library has it

    with pytest.raises((BlockingIOError, ssl.SSLWantReadError)):
        ours.recv_into(bytearray(SIZE))


def test_a_wait_ends_when_its_time_is_over(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"x")
    read(ours, 1)
    ours.settimeout(0.01)

    with pytest.raises(TimeoutError):
        ours.recv_into(bytearray(SIZE))


def test_a_wait_ends_when_the_connection_is_shut_from_elsewhere(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"x")
    read(ours, 1)
    gevent.spawn(ours.shutdown, gevent.socket.SHUT_RDWR)

    with pytest.raises(OSError, match="closed in another greenlet"):
        ours.recv_into(bytearray(SIZE))


def test_what_is_received_comes_in_time_and_to_its_end(pair: Pair) -> None:
    ours, theirs = pair
    for piece in (b"one", b"two"):
        theirs.sendall(piece)
        assert ours.recv(SIZE) == piece

    theirs.sendall(b"three")
    theirs.close()
    assert [ours.recv(SIZE) for _ in range(3)] == [b"three", b"", b""]


def test_a_slow_server_gets_every_byte_of_a_request(pair: Pair) -> None:
    ours, theirs = pair
    sending = gevent.spawn(ours.sendall, b"".join(PIECES))
    assert read(theirs, sum(map(len, PIECES))) == b"".join(PIECES)
    sending.get()

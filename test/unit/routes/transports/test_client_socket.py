"""The socket that a client is answered through."""

import gevent
import gevent.socket
import pytest

from routes.transports.worker import ClientSocket

LONG = bytes(range(256)) * 20_000


def pair() -> tuple[ClientSocket, gevent.socket.socket]:
    """Give a connection under test, and its client's end."""
    ours, theirs = gevent.socket.socketpair()
    return ClientSocket(ours.family, ours.type, ours.proto, ours.detach()), theirs


def test_a_client_that_reads_slowly_gets_every_byte() -> None:
    ours, theirs = pair()
    with ours, theirs, gevent.Timeout(10):
        sending = gevent.spawn(ours.sendall, LONG)
        told = bytearray()
        while len(told) < len(LONG):
            told += theirs.recv(10_000)
            gevent.sleep(0)
        sending.get()
    assert told == LONG


def test_a_client_that_takes_nothing_is_given_up_in_time() -> None:
    ours, theirs = pair()
    with ours, theirs, gevent.Timeout(10):
        ours.settimeout(0.05)
        with pytest.raises(TimeoutError):
            ours.sendall(LONG)


def test_a_client_that_left_is_an_error() -> None:
    ours, theirs = pair()
    theirs.close()
    with ours, pytest.raises(OSError, match="Broken pipe"):
        ours.sendall(b"x")

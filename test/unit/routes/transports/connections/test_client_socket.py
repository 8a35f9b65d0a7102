"""The socket that a client is answered through."""

import errno
import time
from typing import Any

import gevent
import gevent.socket
import pytest
from api.raw_http import as_client
from gunicorn.config import Config  # type: ignore[import-untyped]  # it has no types

from routes.transports.connections.client_socket import ClientSocket
from routes.transports.worker import StreamWorker

LONG = bytes(range(256)) * 20_000


def pair() -> tuple[ClientSocket, gevent.socket.socket]:
    """Give a connection under test, and its client's end."""
    ours, theirs = gevent.socket.socketpair()
    return as_client(ours), theirs


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


def test_a_client_that_takes_too_little_is_given_up_though_it_takes_some() -> None:
    seconds = 0.2
    ours, theirs = pair()
    with ours, theirs, gevent.Timeout(10):
        ours.settimeout(seconds)
        ours.bytes_per_second = 10 * len(LONG)
        sending = gevent.spawn(ours.sendall, LONG)
        taken, began = 0, time.monotonic()
        while not sending.ready():
            taken += len(theirs.recv(20_000))
            gevent.sleep(seconds / 20)
        assert isinstance(sending.exception, TimeoutError)
    assert taken < len(LONG)
    assert time.monotonic() - began >= seconds


def test_a_client_that_takes_enough_is_never_given_up() -> None:
    seconds = 0.5
    ours, theirs = pair()
    with ours, theirs, gevent.Timeout(30):
        ours.settimeout(seconds)
        began = time.monotonic()
        sending = gevent.spawn(ours.sendall, LONG)
        left = len(LONG)
        while left:
            left -= len(theirs.recv(50_000))
            gevent.sleep(seconds / 50)
        sending.get()
    assert time.monotonic() - began > 2 * seconds


def test_a_client_that_left_is_an_error() -> None:
    ours, theirs = pair()
    theirs.close()
    with ours, pytest.raises(OSError, match="Broken pipe"):
        ours.sendall(b"x")


class Noting(StreamWorker):
    """Notes the socket that would be answered through, and answers nothing."""

    def handle_request(self, *request: Any) -> bool:
        """Note the socket, of the listener's name, the request, the socket and the address."""
        self.seen = request[2]
        return False


def test_the_worker_answers_through_such_sockets_and_closes_them() -> None:
    config = Config()
    config.set("keepalive", 0)
    worker = Noting(1, 0, [], None, 30, config, None)
    ours, theirs = gevent.socket.socketpair()
    with theirs, gevent.socket.socket() as listener, gevent.Timeout(10):
        theirs.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        worker.handle(listener, as_client(ours), ("", 0))

        assert type(worker.seen) is ClientSocket
        assert theirs.recv(1) == b""
    worker.tmp.close()


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ECONNABORTED])
def test_a_client_whose_network_is_gone_is_no_failure_of_the_server(number: int) -> None:
    class Cut(ClientSocket):
        __slots__ = ()

        def recv(self, *_: Any) -> bytes:
            raise OSError(number, "the network is gone")

    worker = Noting(1, 0, [], None, 30, Config(), None)  # it has no log to write a traceback to
    ours, theirs = gevent.socket.socketpair()
    with theirs, gevent.socket.socket() as listener:
        client = as_client(ours)
        client.__class__ = Cut
        worker.handle(listener, client, ("", 0))
        assert client.fileno() < 0
    worker.tmp.close()

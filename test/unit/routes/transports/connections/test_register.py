"""Who gives way where all places are taken, and what is said to whoever does."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress

import gevent
import gevent.socket
import pytest
from api.raw_http import as_client

from routes.transports.connections.bounds import Bounds
from routes.transports.connections.client_socket import ClientSocket
from routes.transports.connections.clocks import BodyClock, HeadClock
from routes.transports.connections.register import Register
from services.domain.errors.outages import TooManyConnections

PIECE = 64 * 1024


class Hall:
    """A register whose clients are waited for from the moment they come."""

    def __init__(self, opened: ExitStack, places: int) -> None:
        """Begin with nobody."""
        self.register = Register(Bounds(places=places), is_proxy=lambda _: False)
        self._opened = opened

    def client(self) -> ClientSocket:
        """Connect somebody who sends nothing."""
        ours, theirs = gevent.socket.socketpair()
        self._opened.enter_context(theirs)
        client = self._opened.enter_context(as_client(ours))
        client.clock = HeadClock(5, 5, has_begun=False)
        return client

    def enter(self, address: str, client: ClientSocket | None = None) -> bool:
        """Let somebody in, and wait for what he sends."""
        client = client or self.client()
        if not self.register.enter(client, address):
            return False
        self._opened.callback(gevent.spawn(_read, client).kill)
        gevent.sleep(0)
        return True


def _read(client: ClientSocket) -> None:
    with suppress(OSError):
        client.recv(10)


@pytest.fixture
def hall() -> Iterator[Hall]:
    """Give a hall of ten places, all of them taken, by as many networks."""
    with ExitStack() as opened:
        hall = Hall(opened, places=10)
        assert all(hall.enter(f"192.0.2.{number}") for number in range(10))
        yield hall


def test_more_networks_than_places_shut_nobody_out(hall: Hall) -> None:
    assert hall.enter("198.51.100.1")
    assert hall.enter("198.51.100.1")
    assert not hall.enter("198.51.100.1")  # nobody holds as many, or was waited for for long


def test_networks_that_only_wait_do_not_drive_each_other_out(hall: Hall) -> None:
    assert hall.enter("198.51.100.1")
    assert not hall.enter("192.0.2.0")  # whose place that was
    assert hall.enter("192.0.2.1")


def test_who_had_an_answer_gives_way_without_being_held_to_it() -> None:
    with ExitStack() as opened:
        other = Hall(opened, places=1)
        client = other.client()
        client.was_answered = True
        assert other.enter("192.0.2.1", client)
        assert other.enter("192.0.2.2")
        assert other.enter("192.0.2.1")


def test_who_gives_way_within_a_request_is_told_why(hall: Hall) -> None:
    client = hall.client()
    client.clock = BodyClock(5, 500)
    gevent.spawn(client.let_go)
    with pytest.raises(TooManyConnections):
        client.recv(10)


def test_what_is_in_memory_of_unfinished_bodies_has_a_bound() -> None:
    with ExitStack() as opened:
        bounds = Bounds(places=100, unsent_bytes=2**20)
        register = Register(bounds, is_proxy=lambda _: False)

        def send_half() -> ClientSocket:
            ours, theirs = gevent.socket.socketpair()
            client = opened.enter_context(as_client(ours))
            opened.enter_context(theirs).sendall(b"x" * PIECE)
            assert register.enter(client, "192.0.2.1")
            client.clock = BodyClock(5, 500)
            client.recv(PIECE)
            return client

        some = [send_half() for _ in range(2**20 // PIECE)]
        with pytest.raises(TooManyConnections):
            send_half()
        for client in some:
            register.leave(client)
        send_half()


def test_who_gives_way_before_a_request_sees_the_end(hall: Hall) -> None:
    client = hall.client()
    gevent.spawn(client.let_go)
    assert client.recv(10) == b""

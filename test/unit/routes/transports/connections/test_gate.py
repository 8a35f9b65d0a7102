"""Where connections are accepted: the door is never shut, and refusing costs nothing."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import gevent.socket
import pytest
from api.raw_http import as_client
from gevent.pool import Pool

from routes.transports.connections.bounds import Bounds
from routes.transports.connections.gate import Gate
from routes.transports.connections.refusals import Refusals
from routes.transports.connections.register import Register

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"


def nothing(*_: Any) -> None:
    """Serve nothing."""


@pytest.fixture
def listener() -> Iterator[gevent.socket.socket]:
    """Listen on loopback."""
    listener = gevent.socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(50)
    listener.settimeout(0)
    with listener:
        yield listener


def gate_of(listener: gevent.socket.socket, places: int) -> tuple[Gate, Register]:
    """Make a gate that is not started, so that a test accepts by itself."""
    bounds = Bounds(places=places)
    register = Register(bounds, is_proxy=lambda _: False)
    gate = Gate(listener, nothing, Pool(100), register, bounds)
    gate.refusal = REFUSAL
    return gate, register


def connected(listener: gevent.socket.socket) -> socket.socket:
    """Connect to it."""
    return socket.create_connection(listener.getsockname(), timeout=10)


def test_what_is_sent_for_as_long_as_the_worker_lives_tells_no_time() -> None:
    refusal = Refusals(nothing).full()
    assert b"\r\nRetry-After: " in refusal
    assert b"\r\nDate: " not in refusal


@contextmanager
def no_more_files() -> Iterator[None]:
    """Let this process open no further file."""
    given = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_one = os.dup(0)
    os.close(next_one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_one, given[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, given)


def test_who_finds_no_place_is_told_so_at_once_though_it_was_about_to_ask(
    listener: gevent.socket.socket,
) -> None:
    gate, register = gate_of(listener, places=1)
    with connected(listener) as first, connected(listener) as second:
        served = gate.do_read()
        second.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert gate.do_read() is None
        assert second.recv(1000) == REFUSAL
        assert second.recv(1000) == b""
        assert len(register) == 1
        register.leave(served[0])
        served[0].close()
        assert first.recv(1) == b""


def test_without_a_free_file_connections_are_closed_and_none_is_left_waiting(
    listener: gevent.socket.socket,
) -> None:
    gate, _ = gate_of(listener, places=10)
    told: list[int] = []
    gate.tell = lambda refused, _address: told.append(refused)
    clients = [connected(listener) for _ in range(5)]
    with no_more_files():
        for _ in clients:
            assert gate.do_read() is None
    for client in clients:
        assert client.recv(1) == b""
        client.close()
    assert told == [1]

    with connected(listener):
        served = gate.do_read()
        served[0].close()


def test_the_connections_of_a_proxy_belong_to_no_network() -> None:
    bounds = Bounds(places=10, network_share=0.2)
    register = Register(bounds, is_proxy=lambda address: address == "192.0.2.1")
    ours, theirs = gevent.socket.socketpair()
    with ours, theirs, ExitStack() as opened:

        def enter(address: str) -> bool:
            return register.enter(opened.enter_context(as_client(ours.dup())), address)

        assert [enter("192.0.2.1") for _ in range(8)] == [True] * 8
        assert [enter("192.0.2.2") for _ in range(3)] == [True, True, False]


def test_nobody_loses_a_place_for_a_newcomer_that_does_not_get_it() -> None:
    register = Register(Bounds(places=12, network_share=0.75), is_proxy=lambda _: False)
    ours, theirs = gevent.socket.socketpair()
    with ours, theirs, ExitStack() as opened:

        def enter(address: str) -> bool:
            client = opened.enter_context(as_client(ours.dup()))
            did_enter = register.enter(client, address)
            client.waiting[client] = 0.0  # as one whose client is waited for since long ago
            return did_enter

        many, some, few = "192.0.2.1", "192.0.2.2", "192.0.2.3"
        assert [enter(address) for address in [many] * 7 + [some] * 3 + [few] * 2] == [True] * 12
        assert not enter(some)
        assert len(register) == 12
        assert enter("192.0.2.4")
        assert len(register) == 12

"""Answers that are not taken: so much memory, and no network has all of it."""

import gevent
import gevent.socket
import pytest
from api.raw_http import as_client

from routes.transports.connections.bounds import Bounds
from routes.transports.connections.debts import Debts
from routes.transports.connections.register import Register

MIB = 1024 * 1024
PAGE = bytes(4 * MIB)


def owed(debts: Debts, network: str) -> int:
    """Owe pages to a network for as long as it is let."""
    pages = 0
    while debts.take([network], len(PAGE)):
        pages += 1
    return pages


def test_a_network_that_takes_nothing_leaves_memory_for_others() -> None:
    debts = Debts(100 * MIB, network_share=0.75)

    assert 15 <= owed(debts, "192.0.2.1") <= 20
    assert debts.take(["192.0.2.2"], len(PAGE))


def test_all_together_are_owed_little_more_than_there_may_be() -> None:
    debts = Debts(20 * MIB)
    for number in range(100):
        owed(debts, f"192.0.2.{number}")

    assert len(debts) <= 20 * MIB + len(PAGE)


def test_what_was_taken_is_owed_no_more() -> None:
    debts = Debts(20 * MIB, network_share=0.75)
    for _ in range(100):
        assert debts.take(["192.0.2.1"], len(PAGE))
        debts.give_back(["192.0.2.1"], len(PAGE))

    assert len(debts) == 0


def test_a_client_that_is_behind_is_dropped_at_once_where_no_memory_is_left() -> None:
    register = Register(Bounds(unsent_bytes=MIB), is_proxy=lambda _: False)
    pairs = [gevent.socket.socketpair() for _ in range(2)]
    first, second = (as_client(ours) for ours, _ in pairs)
    with pairs[0][1], pairs[1][1], first, second, gevent.Timeout(10):
        assert register.enter(first, "192.0.2.1")
        assert register.enter(second, "192.0.2.1")
        sending = gevent.spawn(first.sendall, PAGE)
        gevent.sleep(0.01)
        with pytest.raises(TimeoutError, match="too much"):
            second.sendall(PAGE)
        assert not sending.ready()
        sending.kill()

"""Who waits to have a password hashed, who goes first, and who is sent away."""

from collections.abc import Iterable
from dataclasses import replace

import gevent
import pytest
from gevent.event import Event

from services.domain.callers.peers import Peer
from services.domain.errors.outages import TooManyLogins
from services.identity.hashing_line import HashingLine, LineRules

HOME = Peer("192.0.2.1")


class Crowd:
    """Peers in a line with one place, which is held until `serve`."""

    def __init__(self, size: int = 100, seconds: float = 60) -> None:
        """Hold the place."""
        self.line = HashingLine(LineRules(places=1, size=size, seconds=seconds))
        self.served: list[str] = []
        self.refused: list[str] = []
        self._leaving = Event()
        self._first = gevent.spawn(self._hold)
        gevent.sleep(0)

    def add(self, peers: Iterable[Peer]) -> list["gevent.Greenlet[..., None]"]:
        """Have peers come, in this order."""
        coming = [gevent.spawn(self._come, peer) for peer in peers]
        gevent.sleep(0)
        return coming

    def serve(self, coming: list["gevent.Greenlet[..., None]"]) -> None:
        """Free the place, and wait until nobody waits."""
        self._leaving.set()
        gevent.joinall(coming, timeout=10, raise_error=True)

    def _hold(self) -> None:
        with self.line.place(Peer("198.51.100.1")):
            self._leaving.wait()

    def _come(self, peer: Peer) -> None:
        try:
            with self.line.place(peer):
                self.served.append(peer.address)
                gevent.sleep(0)
        except TooManyLogins:
            self.refused.append(peer.address)


def test_a_flood_from_one_network_does_not_go_before_a_peer_from_another() -> None:
    crowd = Crowd()
    coming = crowd.add([Peer("203.0.113.9")] * 50 + [HOME])

    crowd.serve(coming)

    assert crowd.served.index(HOME.address) <= 1


@pytest.mark.parametrize("pattern", ["2001:db8:0:{:x}::1", "2001:db8:0:{:x}00::1"])
def test_many_networks_of_one_site_are_one_in_the_line(pattern: str) -> None:
    crowd = Crowd()
    coming = crowd.add([*(Peer(pattern.format(n)) for n in range(50)), HOME])

    crowd.serve(coming)

    assert crowd.served.index(HOME.address) <= 1


def test_a_full_line_loses_the_newest_of_whoever_holds_most() -> None:
    crowd = Crowd(size=10)
    flood = [Peer(f"2001:db8:0:{n:x}::1") for n in range(10)]
    coming = crowd.add([*flood, HOME])

    crowd.serve(coming)

    assert crowd.refused == ["2001:db8:0:9::1"]
    assert HOME.address in crowd.served


def test_who_was_here_before_goes_first_and_is_the_last_to_be_sent_away() -> None:
    crowd = Crowd(size=5)
    known = [replace(HOME, is_known=True)] * 3
    coming = crowd.add([Peer(f"203.0.113.{n}") for n in range(5)] + known)

    crowd.serve(coming)

    assert crowd.served[:3] == [HOME.address] * 3
    assert len(crowd.refused) == 3
    assert HOME.address not in crowd.refused


def test_who_has_left_is_passed_over() -> None:
    crowd = Crowd()
    coming = crowd.add([Peer("203.0.113.9", lambda: True), HOME])

    crowd.serve(coming)

    assert (crowd.served, crowd.refused) == ([HOME.address], ["203.0.113.9"])


def test_nobody_waits_for_longer_than_the_rules_allow() -> None:
    crowd = Crowd(seconds=0.01)
    coming = crowd.add([HOME])

    gevent.joinall(coming, timeout=10, raise_error=True)

    assert crowd.refused == [HOME.address]
    assert crowd.line.waiting == 0


def test_a_peer_that_is_killed_while_it_waits_leaves_no_trace() -> None:
    crowd = Crowd()
    killed, after = crowd.add([Peer("203.0.113.9"), HOME])

    killed.kill()
    crowd.serve([after])

    assert crowd.served == [HOME.address]
    assert crowd.line.waiting == 0

"""Whether the other end of a connection is still there."""

import gevent.socket
import pytest

from routes.hooks.peer import has_left

Pair = tuple[gevent.socket.socket, gevent.socket.socket]


@pytest.fixture
def pair() -> Pair:
    """Give a connection, and its other end."""
    return gevent.socket.socketpair()


def test_who_waits_for_an_answer_is_there(pair: Pair) -> None:
    ours, theirs = pair
    with ours, theirs:
        assert not has_left(ours)
        theirs.sendall(b"the next request")
        assert not has_left(ours)
        assert ours.recv(100) == b"the next request"


def test_who_closed_the_connection_has_left_whatever_was_sent_before(pair: Pair) -> None:
    ours, theirs = pair
    with ours:
        theirs.sendall(b"the next request")
        theirs.close()
        assert has_left(ours)


def test_a_connection_that_is_closed_here_has_nobody_at_its_other_end(pair: Pair) -> None:
    ours, theirs = pair
    with theirs:
        ours.close()
        assert has_left(ours)

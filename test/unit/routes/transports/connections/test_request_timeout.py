"""How long a connection is waited for: only the client's silence counts, not a late hub."""

import time
from typing import Any

import gevent
import gevent.socket
from api.raw_http import as_client
from gunicorn.config import Config  # type: ignore[import-untyped]  # it has none

from routes.transports.connections.bounds import Bounds
from routes.transports.worker import StreamWorker

PATIENCE_SECONDS = 10
MANY = 300
"""More than the loop takes at once."""

REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


class Quick(StreamWorker):
    """Waits a moment for each request, and counts them."""

    answered = 0

    def __init__(self, first_request_seconds: float = 0.5) -> None:
        """Serve nothing by itself."""
        super().__init__(1, 0, [], None, 30, Config(), None)
        self.bound(Bounds(head_seconds=first_request_seconds), is_proxy=lambda _: False)
        self.cfg = _Kept()
        self.log = _Silent()

    def handle_request(self, *_: Any) -> bool:
        """Count."""
        self.answered += 1
        return True


class _Kept(Config):  # type: ignore[misc]  # gunicorn has no types
    keepalive = 0.05


class _Silent:
    def debug(self, *_: Any) -> None:
        """Log nothing."""


def test_a_client_that_says_nothing_is_let_go() -> None:
    worker = Quick()
    ours, theirs = gevent.socket.socketpair()
    with theirs, gevent.socket.socket() as listener, gevent.Timeout(PATIENCE_SECONDS):
        worker.handle(listener, as_client(ours), ("", 0))
        assert theirs.recv(1) == b""

    assert worker.answered == 0
    worker.tmp.close()


def test_requests_that_came_in_time_are_answered_by_a_hub_that_is_late() -> None:
    worker = Quick()
    pairs = [gevent.socket.socketpair() for _ in range(MANY)]
    with gevent.socket.socket() as listener, gevent.Timeout(PATIENCE_SECONDS):
        serving = [
            gevent.spawn(worker.handle, listener, as_client(ours), ("", 0)) for ours, _ in pairs
        ]
        gevent.sleep(0)
        for _, theirs in pairs:
            theirs.sendall(REQUEST)
        time.sleep(0.8)  # the hub itself stands still
        gevent.joinall(serving)

    assert worker.answered == MANY
    for _, theirs in pairs:
        theirs.close()
    worker.tmp.close()


def test_the_next_request_of_a_connection_is_waited_for_less_than_the_first() -> None:
    worker = Quick(PATIENCE_SECONDS)
    ours, theirs = gevent.socket.socketpair()
    with theirs, gevent.socket.socket() as listener, gevent.Timeout(PATIENCE_SECONDS):
        serving = gevent.spawn(worker.handle, listener, as_client(ours), ("", 0))
        gevent.sleep(0.1)
        theirs.sendall(REQUEST)
        serving.join()

    assert worker.answered == 1
    worker.tmp.close()


def test_half_a_request_is_not_waited_for_any_longer() -> None:
    worker = Quick()
    ours, theirs = gevent.socket.socketpair()
    with theirs, gevent.socket.socket() as listener, gevent.Timeout(PATIENCE_SECONDS):
        serving = gevent.spawn(worker.handle, listener, as_client(ours), ("", 0))
        gevent.sleep(0)
        theirs.sendall(REQUEST[:10])
        serving.join()

    assert worker.answered == 0
    worker.tmp.close()


def test_half_a_request_that_a_late_hub_came_to_is_not_waited_for_for_ever() -> None:
    worker = Quick()
    pairs = [gevent.socket.socketpair() for _ in range(MANY)]
    with gevent.socket.socket() as listener, gevent.Timeout(PATIENCE_SECONDS):
        serving = [
            gevent.spawn(worker.handle, listener, as_client(ours), ("", 0)) for ours, _ in pairs
        ]
        gevent.sleep(0)
        for _, theirs in pairs:
            theirs.sendall(REQUEST[:10])
        time.sleep(0.8)  # the hub itself stands still
        gevent.joinall(serving)

    assert worker.answered == 0
    for _, theirs in pairs:
        theirs.close()
    worker.tmp.close()


def test_who_has_sent_many_requests_ahead_lets_others_have_their_turn() -> None:
    worker = Quick(PATIENCE_SECONDS)
    ours, theirs = gevent.socket.socketpair()
    with theirs, gevent.socket.socket() as listener, gevent.Timeout(PATIENCE_SECONDS):
        theirs.sendall(REQUEST * MANY)
        serving = gevent.spawn(worker.handle, listener, as_client(ours), ("", 0))
        gevent.sleep(0)
        gevent.sleep(0)
        answered_first = worker.answered
        serving.join()

    assert answered_first < MANY / 10
    assert worker.answered == MANY
    worker.tmp.close()

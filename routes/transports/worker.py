"""gunicorn's gevent worker, over sockets that send a frame with a single system call."""

import select
from typing import Any

import gevent
import gevent.socket
from gevent.monkey import get_original
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]  # it has none

_poll = get_original("select", "poll")
"""The system's own, which does not wait where it is told not to."""

_MOST_ROUNDS = 15
"""How often a wait begins anew for a request that is there."""


class ClientSocket(gevent.socket.socket):
    """A client's connection; gevent asks for the size of a buffer before it sends anything.

    Its timeout is how long the client may take nothing; gevent's own would be for all of it.
    """

    __slots__ = ()

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send, and wait anew each time that a slow client has taken some."""
        sent = self.send(data, flags)
        if sent < len(data):
            left = memoryview(data)[sent:]
            while left:
                left = left[self.send(left, flags) :]


class RequestTimeout(gevent.Timeout):
    """How long a client may take to send a request; what it has sent in time is read.

    In a burst of thousands the hub comes to a connection long after its request did. It looks at
    the clock before it looks at all connections, and would close one that has nothing to answer
    for. No client can draw that out for longer than `_MOST_ROUNDS`.
    """

    def __init__(self, seconds: float, client: Any) -> None:
        """Watch a client; the timeout is not raised, its block just ends."""
        super().__init__(seconds, exception=False)  # type: ignore[arg-type]  # as gevent documents it
        self._client = client
        self._rounds_left = _MOST_ROUNDS

    def _on_expiration(self, prev_greenlet: Any, ex: Any) -> None:
        if self._rounds_left and self._has_something_to_read():
            self._rounds_left -= 1
            # `start` would note the present greenlet, which is the hub here, as the one that waits.
            self.timer.start(self._on_expiration, prev_greenlet, ex, update=True)
        else:
            super()._on_expiration(prev_greenlet, ex)  # type: ignore[misc]  # gevent's hook for subclasses

    def _has_something_to_read(self) -> bool:
        number = self._client.fileno()
        if number < 0:
            return False
        poll = _poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))


class StreamWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves each plain connection through a ClientSocket."""

    first_request_seconds = 10.0
    """Between connecting and asking a client may be as busy as the server; the wait between two
    requests is `keepalive`."""

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Answer the requests of a connection."""
        if type(client) is gevent.socket.socket:
            client.__class__ = ClientSocket  # another socket over the same connection takes 20 us
        present: Any = gevent.getcurrent()  # a greenlet a connection
        present.client, present.has_asked = client, False
        super().handle(listener, client, addr)

    def timeout_ctx(self) -> gevent.Timeout:
        """Bound the wait for the next request of the present connection."""
        present: Any = gevent.getcurrent()
        seconds = self.cfg.keepalive if present.has_asked else self.first_request_seconds
        present.has_asked = True
        return RequestTimeout(seconds, present.client)

"""gunicorn's gevent worker, with bounds for everything that a client can make it wait for."""

import errno
import time
from functools import partial
from typing import Any

import gevent
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]  # it has no types
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]  # the same

from routes.transports.connections.bounds import LINGER_BYTES, LINGER_SECONDS, Bounds
from routes.transports.connections.client_socket import ClientSocket
from routes.transports.connections.clocks import HeadClock
from routes.transports.connections.gate import Gate
from routes.transports.connections.reading import ClientRequests
from routes.transports.connections.register import IsProxy, Register
from services.domain.errors.base import CharlaError

_LEFT = (
    errno.EPIPE,
    errno.ECONNRESET,
    errno.ECONNABORTED,
    errno.ENOTCONN,
    errno.EBADF,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.ENETDOWN,
)
"""How a client that has left, or whose network has, is noticed."""


class StreamWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves HTTP/1 over connections that all end in time."""

    def __init__(self, *args: Any, **named: Any) -> None:
        """Begin without connections, and with bounds that `bound` may change until the fork."""
        super().__init__(*args, **named)
        self.refusals: Any = None
        self.bound(Bounds(), is_proxy=lambda _: False)

    def bound(self, bounds: Bounds, is_proxy: IsProxy) -> None:
        """Set what a connection may cost, and whose connections are those of many."""
        self.bounds = bounds
        self.register = Register(bounds, is_proxy)

    def server_class(self, listener: Any, *, spawn: Any, **_: Any) -> Gate:
        """Make what accepts connections from a listener; gunicorn asks for it when it runs."""
        gate = Gate(listener, partial(self.handle, listener), spawn, self.register, self.bounds)
        if self.cfg.workers > 1:
            gate.max_accept = 1  # the others take their part
        gate.refusal, gate.tell = self.refusals.full(), self.refusals.tell_full
        return gate

    def load_wsgi(self) -> None:
        """Load the application, and what answers in its place where a request is none."""
        super().load_wsgi()
        self.refusals = self.wsgi.extensions["charla_refusals"]

    def let_idle_go(self) -> None:
        """Close the connections that wait for a request: their clients connect elsewhere."""
        self.register.let_idle_go()

    def let_unfinished_go(self) -> None:
        """Wait no more for requests: who has sent half of one is told so."""
        self.register.let_unfinished_go()

    def handle(self, listener: Any, client: ClientSocket, addr: Any) -> None:
        """Answer the requests of a connection, one after the other, until it ends."""
        requests = ClientRequests(self.cfg, client, addr)
        try:
            self._converse(listener.getsockname(), client, requests, addr)
        except StopIteration:
            if requests.are_cut_short:
                self._hear_out(client)
        except TimeoutError:  # it takes nothing, or too little
            client.abort()
        except OSError as exc:
            if exc.errno not in _LEFT:
                self.log.exception("Socket error processing request.")
        except Exception as exc:  # noqa: BLE001 - all of them are told
            self._refuse(client, requests.latest, exc)
        finally:
            self.register.leave(client)
            client.close()

    def _converse(self, name: Any, client: ClientSocket, requests: Any, addr: Any) -> None:
        wait_seconds = self.bounds.head_seconds
        while True:
            request = requests.next_head(client, wait_seconds, self.bounds)
            self.handle_request(name, request, client, addr)
            if not self.cfg.keepalive or not requests.skip_body():
                return
            wait_seconds = self.cfg.keepalive
            gevent.sleep(0)  # who has sent many requests ahead keeps nobody else waiting

    def _refuse(self, client: ClientSocket, request: Any, error: Exception) -> None:
        """Answer where the application could not."""
        if not isinstance(error, ParseException | CharlaError):
            self.log.error("Error handling a request", exc_info=error)
        if self.refusals is None:
            return
        clock = client.clock
        began = clock.began_at if isinstance(clock, HeadClock) else time.monotonic()
        try:
            client.sendall(self.refusals.answer(error, request, began))
        except OSError:
            client.abort()
        else:
            self._hear_out(client)

    def _hear_out(self, client: ClientSocket) -> None:
        """Have a client that is still sending read its answer before the connection is gone."""
        clock = HeadClock(LINGER_SECONDS, LINGER_SECONDS, has_begun=True)
        client.hear_out(clock, LINGER_BYTES)

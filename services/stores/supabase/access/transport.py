"""A fixed number of connections, handed out one call at a time.

httpx keeps all connections of a client in one pool and looks at every idle one at each call: 15.7
ms of CPU a call at 250 connections. Here a queue hands out the most recently used connection,
however many there are, and urllib3 speaks HTTP over it: 0.2 ms a call less than with h11.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from queue import Empty, LifoQueue
from typing import Any

import httpx
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    SSLError,
    TimeoutError,  # noqa: A004 - urllib3's root of timeouts, and the builtin is its parent's kin
)
from urllib3.util.wait import wait_for_read

from services.names.connecting import TimedConnecting

TCP_ESTABLISHED = 1
"""The state of a TCP connection that neither end has closed (linux/tcp_states.h)."""

KEEP_ALIVE_SECONDS = 20.0
"""A connection that was idle for longer is opened anew: gateways close it after 60 s, and a router
on the way may forget it silently, which a call would notice only by its timeout."""


@dataclass(frozen=True, slots=True)
class Places:
    """How many connections there are; how long a call waits for one, and then for its answer."""

    count: int
    seconds: float


class BoundedTransport(httpx.BaseTransport):
    """Sends to one host over HTTP/1.1, each request once, over at most the given connections.

    The reserved connections are for calls that must get through while all others are in use.
    supabase-py is given this transport too, but sends nothing over it.
    """

    def __init__(
        self, address: str, common: Places, reserved: Places, connect_seconds: float
    ) -> None:
        """Open nothing yet."""
        self._common = _Queue(address, common, connect_seconds)
        self._reserved = _Queue(address, reserved, connect_seconds)

    def post(
        self, path: str, headers: Mapping[str, str], body: bytes, *, reserved: bool
    ) -> urllib3.BaseHTTPResponse:
        """Send without httpx' own objects, which cost 0.1 ms; raises httpx' TransportErrors."""
        return self._send(self._reserved if reserved else self._common, "POST", path, body, headers)

    def close(self) -> None:
        """Close every idle connection."""
        for queue in (self._common, self._reserved):
            while not queue.empty():
                queue.get().close()

    def _send(self, queue: "_Queue", *request: Any) -> urllib3.BaseHTTPResponse:
        # Not urllib3's own waiting for a place: it counts one too many if a waiter is killed.
        try:
            connection = queue.get(timeout=queue.wait_seconds)
        except Empty as exc:
            raise httpx.PoolTimeout("all connections are taken") from exc
        try:
            return connection.send(queue.timeout, *request)
        except (HTTPError, OSError) as exc:
            raise _as_httpx(exc) from exc
        finally:
            queue.put(connection)


class _Connection:
    """At most one open connection."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._used_at = 0.0
        self._pool = self._new_pool()

    def send(
        self,
        timeout: urllib3.Timeout,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> urllib3.BaseHTTPResponse:
        if time.monotonic() - self._used_at > KEEP_ALIVE_SECONDS:
            self._pool.close()
            self._pool = self._new_pool()
        answer = self._pool.urlopen(
            method, path, body, headers, retries=False, redirect=False, timeout=timeout
        )
        self._used_at = time.monotonic()
        return answer

    def close(self) -> None:
        self._pool.close()

    def _new_pool(self) -> urllib3.HTTPConnectionPool:
        if self._address.startswith("https:"):
            pool = urllib3.connection_from_url(self._address, maxsize=1, ssl_context=_tls())
            pool.ConnectionCls = _SecureConnection
        else:
            pool = urllib3.connection_from_url(self._address, maxsize=1)
            pool.ConnectionCls = _PlainConnection
        return pool


class _PlainConnection(TimedConnecting, urllib3.connection.HTTPConnection):
    """Asks the kernel whether the other end has closed: gevent's poll takes 0.15 ms for it."""

    @property
    def is_connected(self) -> bool:
        return self.sock is not None and _is_established(self.sock)


class _SecureConnection(TimedConnecting, urllib3.connection.HTTPSConnection):
    """The same with TLS."""

    @property
    def is_connected(self) -> bool:
        return self.sock is not None and _is_established(self.sock)


def _is_established(sock: socket.socket) -> bool:
    tcp_info = getattr(socket, "TCP_INFO", None)
    if tcp_info is None:  # the system is not Linux
        return not wait_for_read(sock, timeout=0)  # an idle one has nothing to read but its end
    state = sock.getsockopt(socket.IPPROTO_TCP, tcp_info, 1)
    return bool(state[0] == TCP_ESTABLISHED)


@cache
def _tls() -> ssl.SSLContext:
    """Make one context for all connections: loading the authorities takes 20 ms each time."""
    return ssl.create_default_context()  # the system's authorities, as for every other server


class _Queue(LifoQueue[_Connection]):
    """The idle connections."""

    def __init__(self, address: str, places: Places, connect_seconds: float) -> None:
        super().__init__()
        self.wait_seconds = places.seconds
        self.timeout = urllib3.Timeout(connect=connect_seconds, read=places.seconds)
        for _ in range(places.count):
            self.put(_Connection(address))


def _as_httpx(exc: Exception) -> httpx.TransportError:
    match exc:
        case NewConnectionError() | NameResolutionError() | SSLError():
            return httpx.ConnectError(str(exc))
        case ConnectTimeoutError():
            return httpx.ConnectTimeout(str(exc))
        case TimeoutError():
            return httpx.ReadTimeout(str(exc))
        case ProtocolError():
            return httpx.RemoteProtocolError(str(exc))
        case _:
            return httpx.ReadError(str(exc))

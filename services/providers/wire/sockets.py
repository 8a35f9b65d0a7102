"""Connections that wait before they read.

gevent reads first, and waits where that fails. In a stream whose pieces come one at a time each
piece then costs a system call and an exception more than it has to.
"""

import http.client
import select
import ssl
from typing import TYPE_CHECKING, Any

import gevent.socket
import gevent.ssl
import urllib3
from gevent.monkey import get_original
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from services.names.connecting import TimedConnecting

if TYPE_CHECKING:
    import socket

    from _typeshed import WriteableBuffer


MOST_INTERIM = 100
"""How many interim answers (102 Processing, 103 Early Hints) may come before the answer."""

_INTERIM = frozenset(range(100, 200)) - {101}

_poll = get_original("select", "poll")
"""The system's own, which does not wait where it is told not to."""


class LeanSocket(gevent.socket.socket):
    """A plain connection."""

    __slots__ = ()

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        """Read what is there, or what comes next."""
        _wait_until_readable(self)
        return super().recv_into(buffer, nbytes, flags)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read what is there, or what comes next."""
        _wait_until_readable(self)
        return super().recv(size, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send, and fall back on gevent, which asks for the size of a buffer before it sends."""
        sent = self.send(data, flags)
        if sent < len(data):
            super().sendall(memoryview(data)[sent:], flags)


class LeanTlsSocket(gevent.ssl.SSLSocket):
    """An encrypted connection: what OpenSSL has decrypted already is not waited for."""

    _is_at_end = False

    def recv_into(
        self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0
    ) -> int:
        """Read what is there, or what comes next."""
        if not self._is_at_end and not self.pending():
            _wait_until_readable(self)
        read = super().recv_into(buffer, nbytes, flags)
        # The other side may say so and keep the connection: nothing more comes to wait for.
        self._is_at_end = read == 0
        return read

    def recv(self, size: int = 1024, flags: int = 0) -> bytes:
        """Read what is there, or what comes next."""
        if not self._is_at_end and not self.pending():
            _wait_until_readable(self)
        read = super().recv(size, flags)
        self._is_at_end = not read
        return read


def _wait_until_readable(connection: gevent.socket.socket) -> None:
    """Wait as gevent's own reads do, so that a close from elsewhere ends the wait.

    What is closed already, or must not wait, is left to the read.
    """
    event = connection._read_event  # type: ignore[attr-defined]  # noqa: SLF001 - no public way uses the watcher that is there
    if event is not None and connection.gettimeout() != 0:
        connection._wait(event)  # type: ignore[attr-defined]  # noqa: SLF001 - the same


class _OneSend:
    """A connection that sends a request's head and body in one, and asks the system who is there.

    urllib3 sends them one after the other, and asks gevent, which sets up a watcher for each look.
    """

    sock: "socket.socket | None"
    _parts: list[bytes] | None = None

    def request(self, *request: Any, **options: Any) -> None:
        """Send a request whose body is bytes."""
        self._parts = []
        try:
            super().request(*request, **options)  # type: ignore[misc]  # it stands before one that has it
        finally:
            parts, self._parts = self._parts, None
        self.send(b"".join(parts))

    def send(self, data: Any) -> None:
        """Send, or keep for what follows."""
        if self._parts is None:
            super().send(data)  # type: ignore[misc]  # the same
        else:
            self._parts.append(data)

    @property
    def is_connected(self) -> bool:
        """Tell whether the server has neither closed an idle connection nor said anything on it."""
        if self.sock is None:
            return False
        poll = _poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)


class _FinalResponse(http.client.HTTPResponse):
    """What a server answers in the end: of what may come before, Python knows only the 100."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]  # typeshed leaves it out
            if status not in _INTERIM:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine("no answer but signs of one")


class _LeanConnection(_OneSend, TimedConnecting, HTTPConnection):
    response_class = _FinalResponse

    def _new_conn(self) -> "socket.socket":
        made = super()._new_conn()
        if type(made) is gevent.socket.socket:
            made.__class__ = LeanSocket  # another socket over the same connection takes 20 us
        return made


class _LeanTlsConnection(_OneSend, TimedConnecting, HTTPSConnection):
    response_class = _FinalResponse


class _LeanPool(HTTPConnectionPool):
    ConnectionCls = _LeanConnection


class _LeanTlsPool(HTTPSConnectionPool):
    ConnectionCls = _LeanTlsConnection


def lean_pool(tls: ssl.SSLContext, idle_connections: int) -> urllib3.PoolManager:
    """Make urllib3's pools over such connections; in a process without gevent over usual ones."""
    if isinstance(tls, gevent.ssl.SSLContext):
        tls.sslsocket_class = LeanTlsSocket
    pools = urllib3.PoolManager(maxsize=idle_connections, ssl_context=tls)
    pools.pool_classes_by_scheme = {"http": _LeanPool, "https": _LeanTlsPool}
    return pools

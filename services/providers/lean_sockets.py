"""Connections that wait before they read.

gevent reads first, and waits where that fails. In a stream whose pieces come one at a time each
piece then costs a system call and an exception more than it has to.
"""

import ssl
from typing import TYPE_CHECKING

import gevent.socket
import gevent.ssl
import urllib3
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

if TYPE_CHECKING:
    import socket

    from _typeshed import WriteableBuffer


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


class _LeanConnection(HTTPConnection):
    def _new_conn(self) -> "socket.socket":
        made = super()._new_conn()
        if type(made) is gevent.socket.socket:
            made.__class__ = LeanSocket  # another socket over the same connection takes 20 us
        return made


class _LeanPool(HTTPConnectionPool):
    ConnectionCls = _LeanConnection


def lean_pool(tls: ssl.SSLContext, idle_connections: int) -> urllib3.PoolManager:
    """Make urllib3's pools over such connections; in a process without gevent over usual ones."""
    if isinstance(tls, gevent.ssl.SSLContext):
        tls.sslsocket_class = LeanTlsSocket
    pools = urllib3.PoolManager(maxsize=idle_connections, ssl_context=tls)
    pools.pool_classes_by_scheme = {**pools.pool_classes_by_scheme, "http": _LeanPool}
    return pools

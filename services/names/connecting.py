"""Connections that are made within a time, to which the look-up of the name belongs."""

import contextlib
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import gevent
from gevent.monkey import is_module_patched
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from services.names.resolver import AddressInfo, Names

SocketOptions = Sequence[tuple[int, int, int | bytes]]

_UNLIMITED = 3600.0


def serve_names() -> None:
    """Have all look-ups of this process made by Names; gevent must have patched it before."""
    hub: Any = gevent.get_hub()
    hub.resolver = Names(hub)


def connect(
    host: str, port: int, seconds: float | None, options: SocketOptions = ()
) -> socket.socket:
    """Connect within so many seconds in all; None: an hour.

    Several addresses share the time. Raises socket.gaierror where the name has none, TimeoutError
    where it ran out, and OSError where nobody answers; the name is then looked up anew.
    """
    deadline = time.monotonic() + (_UNLIMITED if seconds is None else seconds)
    names = _names()
    failure: OSError = TimeoutError("timed out")
    found = _addresses(names, host, port, deadline)
    for number, info in enumerate(found):
        left = (deadline - time.monotonic()) / (len(found) - number)
        if left <= 0:
            break
        try:
            made = _connected(info, left, options)
        except OSError as exc:
            failure = exc
        else:
            made.settimeout(seconds)
            return made
    if names is not None:
        names.forget(host)
    raise failure


def _connected(info: AddressInfo, left: float, options: SocketOptions) -> socket.socket:
    family, kind, protocol, _, address = info
    made = socket.socket(family, kind, protocol)
    try:
        for option in options:
            made.setsockopt(*option)
        made.settimeout(left)
        made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


def look_up_anew(host: str) -> None:
    """Have the name looked up at the next connection: its address is not what it was."""
    names = _names()
    if names is not None:
        names.forget(host)


class TimedConnecting:
    """Mixed into urllib3's connections: their connect timeout counts the look-up too."""

    def _new_conn(self: Any) -> socket.socket:
        """Connect as urllib3 does, and raise what it raises."""
        with _as_urllib3(self):
            host = self._dns_host.strip("[]")
            timeout = self.timeout if isinstance(self.timeout, int | float) else None
            made = connect(host, self.port, timeout, self.socket_options or ())
        sys.audit("http.client.connect", self, self.host, self.port)
        return made


class _Plain(TimedConnecting, HTTPConnection):
    pass


class _Tls(TimedConnecting, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


def timed_pools(**options: Any) -> PoolManager:
    """Make urllib3's pools over such connections; `options` are those of a PoolManager."""
    pools = PoolManager(**options)
    pools.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
    return pools


@contextlib.contextmanager
def _as_urllib3(connection: HTTPConnection) -> Iterator[None]:
    try:
        yield
    except (socket.gaierror, UnicodeError) as exc:
        error = exc if isinstance(exc, socket.gaierror) else socket.gaierror(str(exc))
        raise NameResolutionError(connection.host, connection, error) from exc
    except TimeoutError as exc:
        told = f"Connection to {connection.host} timed out. (connect timeout={connection.timeout})"
        raise ConnectTimeoutError(connection, told) from exc
    except OSError as exc:
        raise NewConnectionError(
            connection, f"Failed to establish a new connection: {exc}"
        ) from exc


def _addresses(names: Names | None, host: str, port: int, deadline: float) -> Sequence[AddressInfo]:
    if names is None:
        return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    return names.addresses(host, port, deadline - time.monotonic())


def _names() -> Names | None:
    """Give what looks names up here; None: the system alone does, as in commands."""
    if not is_module_patched("socket"):
        return None
    resolver: Any = gevent.get_hub().resolver
    return resolver if isinstance(resolver, Names) else None

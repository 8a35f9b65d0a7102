"""Connections of redis-py that follow a Route, and the clients over them."""

from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.names.connecting import connect
from services.redis.address import Host, RedisAddress, Sentinels
from services.redis.route import Route

CONNECT_SECONDS = 1.0


class _Routed:
    """Mixed into connections of redis-py, which a loss of the server makes unusable."""

    def __init__(self, route: Route, **options: Any) -> None:
        """Connect at the first use."""
        super().__init__(**options)
        self._route = route
        self._made_at = route.losses

    def connect(self) -> None:
        """Connect, unless this is connected, and the server was not lost since."""
        if self._made_at != self._route.losses:
            self.disconnect()  # type: ignore[attr-defined]  # it stands before one that has it
        super().connect()  # type: ignore[misc]  # the same

    def _connect(self) -> Any:
        self._made_at = self._route.losses
        return super()._connect()  # type: ignore[misc]  # the same


class _ByName(redis.Connection):
    """Connects within the connect timeout in all: redis-py leaves the look-up of a name out."""

    def _connect(self) -> Any:
        options = ((IPPROTO_TCP, TCP_NODELAY, 1),)
        made = connect(self.host, self.port, self.socket_connect_timeout, options)
        made.settimeout(self.socket_timeout)
        return made


class _TlsByName(redis.SSLConnection, _ByName):
    """The same with TLS."""


class _Found(_Routed):
    """Leads to where the Route says."""

    def _connect(self) -> Any:
        self.host, self.port = self._route.find()
        return super()._connect()


class _RoutedPlain(_Found, _ByName):
    pass


class _RoutedTls(_Found, _TlsByName):
    pass


class _RoutedSocket(_Routed, redis.UnixDomainSocketConnection):
    pass


class Opener:
    """Opens clients to the server of an address."""

    def __init__(self, address: RedisAddress, connect_seconds: float = CONNECT_SECONDS) -> None:
        """Ask nobody, and connect to nothing yet."""
        self.route = Route(address, self._open_sentinel)
        self._address = address
        self._connect_seconds = connect_seconds
        self._tls = dict(address.tls or {})

    def open(
        self,
        answer_seconds: float,
        *,
        most: int | None = None,
        queue_seconds: float | None = None,
        health_check_seconds: float = 0,
    ) -> Any:
        """Give a client with a pool of its own, as `WorkerRedis.open` describes it.

        A client is Any: redis-py types each reply as that of its synchronous or asynchronous half.
        """
        address = self._address
        options: dict[str, Any] = {
            **self._usual(answer_seconds),
            "route": self.route,
            "username": address.username,
            "password": address.password,
            "db": address.database,
            "health_check_interval": health_check_seconds,
            "client_name": "charla",
        }
        if address.path is not None:
            options |= {"connection_class": _RoutedSocket, "path": address.path}
        elif address.tls is None:
            options |= {"connection_class": _RoutedPlain}
        else:
            options |= {"connection_class": _RoutedTls, **self._tls}
        if queue_seconds is None:
            pool = redis.ConnectionPool(max_connections=most, **options)
        else:
            pool = redis.BlockingConnectionPool(  # type: ignore[no-untyped-call]  # as redis-py has it
                max_connections=most, timeout=queue_seconds, **options
            )
        return redis.Redis(connection_pool=pool)

    def _open_sentinel(self, host: Host, sentinels: Sentinels) -> Any:
        options: dict[str, Any] = {
            **self._usual(self._connect_seconds),
            "host": host[0],
            "port": host[1],
            "username": sentinels.username,
            "password": sentinels.password,
            "connection_class": _ByName,
        }
        if self._address.tls is not None:
            options |= {"connection_class": _TlsByName, **self._tls}
        return redis.Redis(connection_pool=redis.ConnectionPool(**options))

    def _usual(self, answer_seconds: float) -> dict[str, Any]:
        return {
            "socket_timeout": answer_seconds,
            "socket_connect_timeout": min(self._connect_seconds, answer_seconds),
            # The caller knows what may be repeated, and when.
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }

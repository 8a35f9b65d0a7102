"""Calls the functions of `supabase/migrations`; each call is one round trip and one transaction."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import httpx
from msgspec.json import Decoder, Encoder
from supabase import ClientOptions, create_client

from services.stores.supabase.access.errors import RefusedCall, refused, supabase_errors
from services.stores.supabase.access.transport import BoundedTransport, Places

Reply = TypeVar("Reply")

NOTHING: Decoder[None] = Decoder(None)
TRUTH: Decoder[bool] = Decoder(bool)
COUNT: Decoder[int] = Decoder(int)
TEXT: Decoder[str] = Decoder(str)
TEXTS: Decoder[list[str]] = Decoder(list[str])
"""For replies that are not rows. A decoder is made once: one for each call would cost 0.02 ms."""

_encode = Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How many connections there are, and how long a call may take.

    Over the reserved connections a call should take less: a beat whose answer was lost on the way
    must be repeated before its worker is taken for dead. `pauses_seconds` are made before each
    further try of a call that may be repeated: long enough for a restart of the gateway, not for an
    outage.
    """

    connections: int = 32
    reserved_connections: int = 4
    timeout_seconds: float = 15.0
    reserved_timeout_seconds: float = 15.0
    connect_seconds: float = 3.0
    pauses_seconds: Sequence[float] = (0.05, 0.2, 0.5, 1.0)


class Connection:
    """The functions of a project.

    supabase-py knows the address and the headers of the project, and how to sign in with each kind
    of key. A call bypasses its query builder, which makes and validates objects for 0.2 to 0.4 ms
    and takes a reply apart before msgspec could read it, and httpx' client, which looks for
    redirects and cookies for 0.2 ms. What is left takes 0.3 ms.
    """

    def __init__(self, url: str, key: str, limits: ConnectionLimits) -> None:
        """Send nothing yet; the key must be the project's secret (`service_role`) key."""
        self._pauses = limits.pauses_seconds
        self._transport = BoundedTransport(
            url,
            Places(limits.connections, limits.timeout_seconds),
            Places(limits.reserved_connections, limits.reserved_timeout_seconds),
            limits.connect_seconds,
        )
        self._http = httpx.Client(transport=self._transport)
        options = ClientOptions(
            httpx_client=self._http, auto_refresh_token=False, persist_session=False
        )
        postgrest = create_client(url, key, options).postgrest
        self._path = httpx.URL(str(postgrest.base_url)).path.rstrip("/") + "/rpc/"
        self._headers = dict(postgrest.headers) | {"Content-Type": "application/json"}

    def ask(
        self, function: str, arguments: object, reply: Decoder[Reply], *, reserved: bool = False
    ) -> Reply:
        """Call a function that may be called twice: repeated while the connection fails."""
        with supabase_errors():
            for pause in self._pauses:
                try:
                    return self._once(function, arguments, reply, reserved=reserved)
                except (httpx.NetworkError, httpx.RemoteProtocolError):
                    time.sleep(pause)
                except RefusedCall as exc:
                    if not exc.is_transient:
                        raise
                    time.sleep(pause)
            return self._once(function, arguments, reply, reserved=reserved)

    def tell(self, function: str, arguments: object, reply: Decoder[Reply]) -> Reply:
        """Call a function that must not be called twice: repeated only if it got nowhere."""
        with supabase_errors():
            for pause in self._pauses:
                try:
                    return self._once(function, arguments, reply, reserved=False)
                except httpx.ConnectError:
                    time.sleep(pause)
                except RefusedCall as exc:
                    if not exc.was_unsent:
                        raise
                    time.sleep(pause)
            return self._once(function, arguments, reply, reserved=False)

    def probe(self, function: str, arguments: object) -> None:
        """Call a function once, and give whatever comes of it."""
        with supabase_errors():
            self._once(function, arguments, NOTHING, reserved=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _once(
        self, function: str, arguments: object, reply: Decoder[Reply], *, reserved: bool
    ) -> Reply:
        path = self._path + function
        body = _encode(arguments)
        answer = self._transport.post(path, self._headers, body, reserved=reserved)
        if answer.status != httpx.codes.OK:
            raise refused(answer.status, answer.data)
        return reply.decode(answer.data)

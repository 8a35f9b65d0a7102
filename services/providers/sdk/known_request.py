"""A request that an SDK has made once, sent again with other bodies.

What an SDK puts together for each call, URL, headers and credentials, is the same every time and
takes a quarter of what a call costs.
"""

from typing import TYPE_CHECKING

import httpx2

from services.providers.wire.transport import Urllib3Transport

if TYPE_CHECKING:
    from collections.abc import Mapping


class KnownRequest:
    """Everything of a request but its body."""

    def __init__(self, made: httpx2.Request, transport: Urllib3Transport) -> None:
        """Remember what the SDK made; send through `transport`."""
        self._transport = transport
        self._bare = httpx2.Request(made.method, made.url)  # without what somebody wrote
        self._url = str(made.url)
        self._timeout: Mapping[str, float | None] = made.extensions.get("timeout", {})
        self._headers = dict(made.headers)
        self._headers.pop("cookie", None)  # set by an earlier answer, and sooner or later stale

    def send(self, body: bytes) -> httpx2.Response:
        """Send it with a body, once; raises httpx2's TransportErrors."""
        response = self._transport.send(
            self._bare.method,
            self._url,
            {**self._headers, "content-length": str(len(body))},
            body,
            self._timeout,
        )
        response.request = self._bare
        return response

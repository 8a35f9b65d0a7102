"""The caller's address, and where this server is, as the proxies that are believed tell it."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, has_request_context, request

from services.domain.callers import proxies
from services.domain.callers.proxies import TrustedProxies, parse_address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FOR, PROTO, HOST, PREFIX = (
    f"HTTP_X_FORWARDED_{name}" for name in ("FOR", "PROTO", "HOST", "PREFIX")
)
"""The headers that count where a proxy is believed. `Forwarded` never does."""

KEPT_CHAINS = 1024
"""How many chains of addresses are remembered: reading one takes longer than all else here."""

log = structlog.get_logger(__name__)


def install(app: Flask, trusted: TrustedProxies) -> None:
    """Put what proxies tell in the place of what the connection tells, before all else.

    Nothing behind it sees a header of a proxy, believed or not.
    """
    app.wsgi_app = _Told(app.wsgi_app, trusted)  # type: ignore[method-assign]  # as Flask documents it
    app.after_request(_stay_here)


def path_here(path: str) -> str:
    """Give the public path of a path of this server: below the prefix, if there is one."""
    return f"{request.root_path}{path}" if has_request_context() else path


class _Told:
    """Reads the headers of proxies into the environment of a request, and takes them out."""

    def __init__(self, app: "WSGIApplication", trusted: TrustedProxies) -> None:
        self._app = app
        self._hops = lru_cache(maxsize=KEPT_CHAINS)(trusted.hops)
        self._is_alone = not (trusted.count or trusted.networks)
        self._has_wondered = False

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        pop = environ.pop
        forwarded_for, proto = pop(FOR, None), pop(PROTO, None)
        host, prefix = pop(HOST, None), pop(PREFIX, None)
        pop("HTTP_FORWARDED", None)
        peer = environ.get("REMOTE_ADDR", "")
        if self._is_alone:
            if forwarded_for is not None:
                self._wonder(peer)
            return self._app(environ, start_response)
        hops = self._hops(peer, forwarded_for)
        if forwarded_for is not None and not hops.proxies:
            self._wonder(peer)
        environ["REMOTE_ADDR"] = hops.address
        if scheme := proxies.scheme(proxies.told(proto, hops.proxies)):
            environ["wsgi.url_scheme"] = scheme
        if name := proxies.host(proxies.told(host, hops.proxies)):
            environ["HTTP_HOST"] = name
        if path := proxies.prefix(proxies.told(prefix, hops.proxies)):
            environ["SCRIPT_NAME"] = path
        return self._app(environ, start_response)

    def _wonder(self, peer: str) -> None:
        """Tell once of what looks like a proxy that was forgotten; strangers come from further."""
        address = None if self._has_wondered else parse_address(peer)
        if address is not None and address.is_private:
            self._has_wondered = True
            log.warning(
                "proxy_not_believed",
                address=peer,
                told="It names other callers, who all count as one here: is it a proxy? Then name "
                "it in TRUSTED_PROXIES.",
            )


def _stay_here(response: Response) -> Response:
    """Name the target of a redirect by its path alone: a Host header is whatever a client wrote.

    This server never sends anybody to another one.
    """
    location = response.headers.get("Location")
    if location is not None:
        target = urlsplit(location)
        path = f"/{target.path.lstrip('/')}"
        response.headers["Location"] = f"{path}?{target.query}" if target.query else path
        response.headers.setdefault("Cache-Control", "no-store")  # a client may invent a prefix
    return response

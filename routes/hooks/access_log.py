"""One log line and one count for every request; never a query, a body or a token."""

import time
from collections.abc import Callable

import structlog
from flask import Flask, Response, g, request

Count = Callable[[str, str, int], None]
"""Counts a request by route, method and status."""

UNKNOWN_ROUTE = "(none)"
"""For the metrics: otherwise each path that matches no route would make a series."""

METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
OTHER_METHOD = "(other)"
"""For the metrics: a client may invent any number of methods."""

MAX_PATH_CHARS = 200

log = structlog.get_logger(__name__)


def shown_path(path: str) -> str:
    """Give what is logged of a path."""
    return path[:MAX_PATH_CHARS]


def install(app: Flask, count: Count) -> None:
    """Log and count each request when its headers are ready; a stream's end is in its run's line.

    The hooks that find out the request's and the caller's ids bind them to every line.
    """

    def begin() -> None:
        g.started_at = time.monotonic()

    def finish(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else UNKNOWN_ROUTE
        log.info(
            "request",
            method=request.method,
            route=route,
            path=shown_path(request.path),
            status=response.status_code,
            duration_ms=round((time.monotonic() - g.get("started_at", time.monotonic())) * 1000, 1),
        )
        method = request.method if request.method in METHODS else OTHER_METHOD
        count(route, method, response.status_code)
        return response

    app.before_request(begin)
    app.after_request(finish)

"""Problem documents for what never becomes a request: gunicorn itself has a page of HTML for it.

They look, and are logged and counted, as those of every other request.
"""

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from gunicorn.http import errors  # type: ignore[import-untyped]  # it has no types
from gunicorn.util import http_date  # type: ignore[import-untyped]  # the same
from uuid_utils.compat import uuid7

from routes.hooks.access_log import METHODS, OTHER_METHOD, UNKNOWN_ROUTE, Count, shown_path
from routes.hooks.headers import ALWAYS, API_POLICY
from routes.hooks.problems import CONTENT_TYPE, HTTP_CODES, Problem, problem_of
from routes.hooks.request_id import HEADER
from services.domain.errors.base import CharlaError
from services.domain.errors.outages import TooManyConnections

_STATUSES: Mapping[type[Exception], HTTPStatus] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}
"""All others are a bad request, those of other versions of HTTP and of unknown codings too: what a
stranger sends is his mistake, and no failure of the server (5xx) that would wake somebody."""

_DETAILS: Mapping[type[Exception], str] = {
    errors.LimitRequestLine: "The address is longer than this server takes (8 KB).",
    errors.LimitRequestHeaders: "The headers are more, or longer, than this server takes: 100 of "
    "them, 8 KB each, 32 KB in all.",
    errors.InvalidRequestLine: "The request line is not as HTTP/1.1 wants it: a method, an address "
    "and the version.",
    errors.InvalidRequestMethod: "There is no such method; methods are written in capitals.",
    errors.InvalidHTTPVersion: "This server speaks HTTP/1.0 and HTTP/1.1.",
    errors.InvalidHeaderName: "A header has a name that is none, or one that it may not have.",
    errors.InvalidHeader: "A header is not as HTTP/1.1 wants it, stands twice, or contradicts "
    "another one.",
    errors.ObsoleteFolding: "A header goes on in a second line.",
    errors.UnsupportedTransferCoding: "Of the transfer codings this server takes only chunked.",
    errors.ExpectationFailed: "Of the expectations this server knows only 100-continue.",
    errors.InvalidSchemeHeaders: "Two headers disagree on the scheme.",
}

log = structlog.get_logger(__name__)


class Refusals:
    """Writes and tells answers to what is no request."""

    def __init__(self, count: Count) -> None:
        """Take what counts requests."""
        self._count = count

    def answer(self, error: Exception, request: Any, began: float) -> bytes:
        """Write the whole answer to a request whose head failed, and log it.

        `request` is what could be read of it, or None; `began` is when that was, as
        `time.monotonic()` has it.
        """
        problem, request_id = problem_of_head(error), str(uuid7())
        method = getattr(request, "method", None) or ""
        structlog.contextvars.clear_contextvars()  # they are those of the connection's last request
        log.info(
            "request",
            request_id=request_id,
            method=method,
            route=UNKNOWN_ROUTE,
            path=shown_path(getattr(request, "path", None) or ""),
            status=problem.status,
            duration_ms=round((time.monotonic() - began) * 1000, 1),
        )
        self._count(UNKNOWN_ROUTE, method if method in METHODS else OTHER_METHOD, problem.status)
        return _written(problem, request_id, {"Date": http_date()})

    def full(self) -> bytes:
        """Write the answer to a connection for which there is no place.

        It is written once, and sent for as long as the worker lives, so it tells no time.
        """
        error = TooManyConnections(
            "Your network has as many connections to this server as it may have now. Close some, "
            "or try again later."
        )
        fields = {"Retry-After": f"{error.retry_after:.0f}"}
        return _written(problem_of(error), None, fields)

    def tell_full(self, refused: int, address: str) -> None:
        """Log that connections were refused."""
        log.warning("connections_refused", refused=refused, last_address=address)


def problem_of_head(error: Exception) -> Problem:
    """Say what a client is told of a head that is none, or of a failure."""
    if isinstance(error, CharlaError):
        return problem_of(error)
    if is_own_fault(error):
        return problem_of(CharlaError("The server failed; its log knows more."))
    kinds = [kind for kind in type(error).__mro__ if kind in _DETAILS]
    status = next((_STATUSES[kind] for kind in kinds if kind in _STATUSES), HTTPStatus.BAD_REQUEST)
    return Problem(
        status=status,
        title=status.phrase,
        code=HTTP_CODES[status],
        detail=_DETAILS[kinds[0]] if kinds else "The request is not HTTP/1.1 as it should be.",
    )


def is_own_fault(error: Exception) -> bool:
    """Tell whether the server, and no client, is at fault."""
    own = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)
    return isinstance(error, own) or not isinstance(error, CharlaError | errors.ParseException)


def _written(problem: Problem, request_id: str | None, more: Mapping[str, str]) -> bytes:
    """Write a problem as a whole response, after which the connection is closed."""
    body = json.dumps(problem.document(request_id), default=str)
    fields = {
        "Connection": "close",
        "Content-Type": CONTENT_TYPE,
        "Content-Length": str(len(body)),
        **({HEADER: request_id} if request_id else {}),
        **ALWAYS,
        "Content-Security-Policy": API_POLICY,
        "Cache-Control": "no-store",
        **more,
    }
    lines = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", body]).encode("latin-1")

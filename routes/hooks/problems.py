"""Every error becomes an RFC 9457 problem document, here and nowhere else."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from flask import Flask, Response, g
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]  # it has no types
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from routes.bodies.sizes import too_large
from routes.hooks.limits import tell
from routes.hooks.proxies import path_here
from services.domain.errors.base import CharlaError
from services.domain.errors.requests import MalformedRequest, NotFound, TooManyRequests

CONTENT_TYPE = "application/problem+json"

HTTP_CODES = {
    400: "bad_request",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    412: "precondition_failed",
    414: "uri_too_long",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    417: "expectation_failed",
    431: "headers_too_large",
}
"""Codes of the errors that the web framework finds before any of our code runs."""

SAME = {
    404: NotFound("There is nothing at this address."),
    429: TooManyRequests(),
}
"""Errors of the framework that a client need not tell apart from ours."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a problem document says; `more` are the members beyond the standard's."""

    status: int
    title: str
    code: str
    detail: str
    more: Mapping[str, object] = field(default_factory=dict)

    def document(self, request_id: str | None, root: str | None = None) -> dict[str, object]:
        """Give the document; `root` is the path that this server is below, None: as now asked."""
        return {
            "type": f"{path_here('') if root is None else root}/api/docs/errors#{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            **self.more,
        }

    def response(self, headers: Mapping[str, str]) -> Response:
        """Write the document as a response."""
        # Escaped to ASCII: a detail may quote what a client sent, lone surrogates included.
        body = json.dumps(self.document(g.get("request_id")), default=str)
        return Response(body, self.status, dict(headers), content_type=CONTENT_TYPE)


def install(app: Flask) -> None:
    """Answer every error of this app, unknown paths included, with a problem document."""
    app.register_error_handler(CharlaError, _of_charla)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(ParseException, _of_chunks)
    app.register_error_handler(Exception, _of_anything)


def problem_of(error: CharlaError) -> Problem:
    """Say what a client is told of an error."""
    more = dict(error.extra())
    if error.errors:
        more["errors"] = {name: list(texts) for name, texts in error.errors.items()}
    return Problem(
        status=error.status, title=error.title, code=error.code, detail=error.detail, more=more
    )


def _of_charla(error: CharlaError) -> Response:
    tell(error.standing)
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.status == 401:  # noqa: PLR2004 - RFC 9110, 11.6.1: a 401 names the scheme
        headers["WWW-Authenticate"] = "Bearer"
    return problem_of(error).response(headers)


def _of_chunks(error: ParseException) -> Response:
    # The server reads the chunks of a body only where the application does.
    return _of_charla(MalformedRequest(f"The body is not chunked as it should be: {error}."))


def _of_http(error: HTTPException) -> AnyResponse:
    status = error.code or 500
    if error.response is not None or status < 400:  # noqa: PLR2004 - a redirect is not a problem
        return error.get_response()
    if status >= 500:  # noqa: PLR2004 - the server's own fault
        return _of_anything(error)
    if status == 413:  # noqa: PLR2004 - counted while it was read
        return _of_charla(too_large())
    if status in SAME:
        return _of_charla(SAME[status])
    # Allow, Retry-After and similar headers say what a client can do next.
    headers = {
        name: value for name, value in error.get_headers() if not name.startswith("Content-")
    }
    problem = Problem(
        status=status,
        title=error.name,
        code=HTTP_CODES.get(status, f"http_{status}"),
        detail=error.description or error.name,
    )
    return problem.response(headers)


def _of_anything(error: Exception) -> Response:
    log.error("unhandled_error", exc_info=error)
    problem = Problem(
        status=CharlaError.status,
        title=CharlaError.title,
        code=CharlaError.code,
        detail="The server failed; its log knows more under the request id.",
    )
    return problem.response({})

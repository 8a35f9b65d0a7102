"""A name for every request: it is in the answer, in its problems and in all its log lines."""

import re

import structlog
from flask import Flask, Response, g, request
from uuid_utils.compat import uuid7

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def install(app: Flask) -> None:
    """Take the caller's id if it is well-formed, else make one."""
    app.before_request(_name)
    app.after_request(_answer)


def _name() -> None:
    given = request.headers.get(HEADER, "")
    g.request_id = given if SANE.fullmatch(given) else str(uuid7())
    # A kept-alive connection serves all its requests in one greenlet, with one context.
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _answer(response: Response) -> Response:
    if "request_id" in g:
        response.headers[HEADER] = g.request_id
    return response

"""How large a body each route takes; what is larger is refused by its header, or while it is read.

A route says so where it is declared, with its schema (`Blueprint.arguments`). All others, those
without a body among them, take a small one.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, request
from flask.globals import request_ctx

from services.domain.errors.requests import ContentTooLarge

Handler = TypeVar("Handler", bound=Callable[..., Any])

SMALL_BODY_BYTES = 16 * 1024
"""Enough for every body that holds no message: an e-mail address and a password, an id, a name."""


def takes(max_bytes: int) -> Callable[[Handler], Handler]:
    """Let a handler take bodies of this size."""

    def decorate(handler: Handler) -> Handler:
        handler.max_body_bytes = max_bytes  # type: ignore[attr-defined]  # wrappers inherit it
        return handler

    return decorate


def install(app: Flask, largest: int) -> None:
    """Bound the body of each request by its route, before anything reads it."""

    def bound() -> None:
        asked = request_ctx.request  # each access through `request` takes 1 us
        handler = app.view_functions.get(asked.endpoint or "")
        most = getattr(handler, "max_body_bytes", SMALL_BODY_BYTES)
        asked.max_content_length = most
        # Most requests have no body, and to find no header takes werkzeug 15 calls.
        if "CONTENT_LENGTH" in asked.environ and (asked.content_length or 0) > most:
            raise too_large()

    app.config["MAX_CONTENT_LENGTH"] = largest
    app.before_request(bound)


def too_large() -> ContentTooLarge:
    """Say how much the present request's address takes."""
    return ContentTooLarge(
        f"The body is larger than the {request.max_content_length} bytes that this address takes."
    )

"""Which web pages of other origins may call the API."""

import re
from collections.abc import Sequence

from flask import Flask
from flask_cors import CORS

ALLOWED = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-ID")
EXPOSED = (
    "Link",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-ID",
    "X-Run-Id",
)
MAX_AGE_SECONDS = 600
"""How long a browser keeps a permission; a stream's first request should not wait for it."""

ANY_PORT = ":*"


def install(app: Flask, origins: Sequence[str]) -> None:
    """Let the named origins in; `http://localhost:*` means every port. Tokens, never cookies."""
    if not origins:
        return
    CORS(
        app,
        resources={"/(api|health|ready)(/.*)?": {}},
        origins=[_pattern(origin) for origin in origins],
        allow_headers=list(ALLOWED),
        expose_headers=list(EXPOSED),
        methods=["GET", "POST", "PATCH", "DELETE", "OPTIONS"],
        max_age=MAX_AGE_SECONDS,
        supports_credentials=False,
        always_send=False,
        vary_header=True,
    )


def _pattern(origin: str) -> re.Pattern[str]:
    """Match exactly this origin; flask-cors would take a text with brackets for a pattern."""
    port = r"(:\d+)?" if origin.endswith(ANY_PORT) else ""
    return re.compile(rf"{re.escape(origin.removesuffix(ANY_PORT))}{port}\Z", re.IGNORECASE)

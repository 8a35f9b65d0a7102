"""Headers that keep browsers from doing more with an answer than is intended."""

from flask import Flask, Response

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

API_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""An answer that is not a page loads nothing, whatever a browser takes it for."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Our pages load only our own files; no inline script, no inline style."""


def install(app: Flask) -> None:
    """Add the headers that a handler did not set itself."""
    app.after_request(_protect)


def _protect(response: Response) -> Response:
    if response.status_code == 204:  # noqa: PLR2004 - no content, so no type of it
        response.headers.pop("Content-Type", None)
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    policy = PAGE_POLICY if response.mimetype == "text/html" else API_POLICY
    response.headers.setdefault("Content-Security-Policy", policy)
    if response.is_json:
        response.headers.setdefault("Cache-Control", "no-store")
    return response

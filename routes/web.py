"""The web client at `/`, and the files that it and the API documentation use."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound, PreconditionFailed
from werkzeug.http import generate_etag
from werkzeug.security import safe_join

ASSETS = Path(__file__).parent / "assets"

# The system's own table differs from machine to machine, and a browser runs a module only if its
# type is JavaScript's.
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/plain",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}


def forget_odd_dates() -> None:
    """Pass over conditions with a date in no calendar, as over all that are no date at all."""
    for name in ("if_modified_since", "if_unmodified_since", "if_range"):
        try:
            getattr(request, name)
        except OverflowError:
            del request.environ[f"HTTP_{name.upper()}"]


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent; its ETag is made from the content, so that all machines agree on it."""

    content: bytes
    kind: str
    etag: str

    @classmethod
    def read(cls, path: str) -> Self:
        """Read a file, or raise NotFound."""
        file = Path(path)
        try:
            content = file.read_bytes()
        except (OSError, ValueError) as exc:  # a folder, too long a name, or one with a NUL
            raise NotFound from exc
        kind = TYPES.get(file.suffix.lower(), "application/octet-stream")
        return cls(content, kind, generate_etag(content))


def conditional(response: Response) -> Response:
    """Give a response that a condition was put to; one that does not hold is an error as others."""
    if response.status_code == PreconditionFailed.code:
        response.close()
        raise PreconditionFailed
    return response


def blueprint(folder: Path = ASSETS) -> Blueprint:
    """Build the blueprint; it needs no prefix and no login. Each file is read once."""
    web = Blueprint("web", __name__)
    read = cache(Asset.read)  # a path without a file raises, and is not kept

    @web.get("/")
    def index() -> Response:
        """Serve the web client."""
        return send("web/index.html")

    @web.get("/assets/<any(web, docs, vendor):area>/<path:name>")
    def asset(area: str, name: str) -> Response:
        """Serve a file of a public folder; 404 for all else, also for targets of a `..`."""
        return send(f"{area}/{name}")

    def send(name: str) -> Response:
        """Send a file that a browser keeps but asks about each time: names carry no version."""
        path = safe_join(str(folder), name)
        if path is None:
            raise NotFound
        found = read(path)
        forget_odd_dates()
        response = Response(found.content, mimetype=found.kind)
        response.headers["Cache-Control"] = "no-cache"
        response.set_etag(found.etag)
        response.make_conditional(request)
        return conditional(response)

    return web

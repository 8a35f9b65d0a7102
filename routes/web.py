"""The web client at `/` and the files that it, the API documentation and others are made of."""

from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

ASSETS = Path(__file__).parent / "assets"

# The system's own table differs from machine to machine, and a browser runs no module that comes
# under another type than JavaScript's.
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


def blueprint() -> Blueprint:
    """Build the blueprint; it needs no prefix and no login."""
    web = Blueprint("web", __name__)

    @web.get("/")
    def index() -> Response:
        """Serve the web client."""
        return _file("web/index.html")

    @web.get("/assets/<any(web, docs, vendor):folder>/<path:name>")
    def asset(folder: str, name: str) -> Response:
        """Serve a file of a public folder; 404 for all else, also for what a `..` points at."""
        return _file(f"{folder}/{name}")

    return web


def _file(name: str) -> Response:
    """Send a file that a browser keeps and asks about each time: names carry no version.

    The ETag is made of the content, so that all machines behind one address agree about it.
    """
    path = safe_join(str(ASSETS), name)
    if path is None or not Path(path).is_file():
        raise NotFound
    kind = TYPES.get(Path(path).suffix.lower(), "application/octet-stream")
    response = Response(Path(path).read_bytes(), mimetype=kind)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response

"""The API's documentation: Swagger UI and the list of errors, all from this server."""

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from routes.web import conditional

PAGE = Path(__file__).parent / "assets" / "docs"
TEXTS = Path(__file__).parent.parent / "Documentation"


def blueprint() -> Blueprint:
    """Build the blueprint; its prefix is `/api/docs`. Its scripts are served by `routes.web`."""
    docs = Blueprint("docs", __name__)

    @docs.get("")
    def page() -> Response:
        """Serve Swagger UI over `/api/openapi.json`."""
        return _fresh(send_from_directory(PAGE, "docs.html", mimetype="text/html", max_age=0))

    @docs.get("/errors")
    def errors() -> Response:
        """Serve the text that the `type` of every problem document points to."""
        return _fresh(send_from_directory(TEXTS, "errors.md", mimetype="text/plain", max_age=0))

    return docs


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-cache"
    return conditional(response)

"""OpenAPI 3.1 of everything that is served, made from the schemas that validate it."""

import json
from collections.abc import Callable
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import Any

import flask_smorest  # type: ignore[import-untyped]  # it has no types; this file gives them
from flask import Flask, Response

from routes.hooks.authentication import SECURITY_SCHEME
from routes.hooks.problems import CONTENT_TYPE, problem_of
from routes.hooks.proxies import path_here
from routes.openapi.blueprint import Blueprint
from routes.openapi.converter import SchemaPlugin
from routes.schemas.events import describe_events
from routes.schemas.problems import ProblemSchema
from services.domain.errors.base import CharlaError
from services.domain.errors.conflicts import Conflict
from services.domain.errors.outages import Unavailable
from services.domain.errors.requests import (
    ContentTooLarge,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    TooManyRequests,
    Unauthorized,
)
from services.domain.errors.upstream import ProviderError, ProviderTimeout

KEPT_DOCUMENTS = 4
"""One for each prefix below which proxies serve this server."""

ABOUT = """A streaming chat backend that never loses a word.

To try it out, register or log in, and put the `access_token` behind *Authorize*. The bodies work as
they stand; only ids and tokens have to be filled in.

Errors are RFC 9457 problem documents; their `code` is stable and [listed](docs/errors).
"""

PROBLEMS = range(400, 600)
"""Statuses that come with a problem document."""

TYPICAL: dict[int, CharlaError] = {
    error.status: error
    for error in (
        MalformedRequest(),
        Unauthorized(),
        NotFound(),
        Conflict(),
        ContentTooLarge(),
        InvalidRequest("content: Missing data.", {"content": ["Missing data."]}),
        TooManyRequests(),
        ProviderError(),
        Unavailable(),
        ProviderTimeout(),
    )
}
"""An error that shows what a status looks like."""

RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which a new try may succeed.",
        "schema": {"type": "integer", "minimum": 1},
    }
}

REQUEST_ID = "01a1f8c4-32a2-71c8-a6a3-45cba1b9bbe8"


class Api(flask_smorest.Api):  # type: ignore[misc]  # its base is untyped
    """flask-smorest's API, whose errors are our problem documents."""

    ERROR_SCHEMA = ProblemSchema

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Serve a blueprint and document it."""
        super().register_blueprint(blueprint, **options)

    @cached_property
    def _documents(self) -> Callable[[str], bytes]:
        """Write a document once: it takes 20 ms, and everybody may ask for it."""
        return lru_cache(maxsize=KEPT_DOCUMENTS)(self._document_below)

    def _document_below(self, prefix: str) -> bytes:
        """Write the document; below a prefix it says so, as paths in it begin with a slash."""
        document = self.spec.to_dict() | {"servers": [{"url": prefix or "/"}]}
        return json.dumps(document, ensure_ascii=False, indent=2).encode()

    def _openapi_json(self) -> Response:
        return Response(self._documents(path_here("")), mimetype="application/json")

    def _register_error_handlers(self) -> None:
        """Leave errors to `routes.hooks.problems`."""

    def _register_etag_headers(self) -> None:
        """Leave out ETags, which this API does not have."""

    def _register_pagination_header(self) -> None:
        """Leave out page numbers: lists use cursors."""

    def _register_responses(self) -> None:
        components = self.spec.components
        components.schema("Problem", schema=ProblemSchema)
        for status in (status for status in HTTPStatus if status.value in PROBLEMS):
            response = _refusal(status.phrase, TYPICAL.get(status))
            components.response(status.name, response, lazy=True)
        other = _refusal("Any other problem", CharlaError())
        components.response(self.DEFAULT_ERROR_RESPONSE_NAME, other, lazy=True)


def _refusal(description: str, typical: CharlaError | None) -> dict[str, Any]:
    """Describe a response that is a problem document."""
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    response: dict[str, Any] = {"description": description, "content": {CONTENT_TYPE: content}}
    if typical is not None:
        content["example"] = problem_of(typical).document(REQUEST_ID)
        if typical.retry_after is not None:
            response["headers"] = RETRY_AFTER
    return response


def install(app: Flask, version: str) -> Api:
    """Serve `/api/openapi.json` of what is registered with the returned Api."""
    app.config.update(
        API_TITLE="Charla",
        API_VERSION=version,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={"info": {"description": ABOUT}, "servers": [{"url": "/"}]},
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's own provider has it
    api = Api(app, spec_kwargs={"marshmallow_plugin": SchemaPlugin()})
    api.spec.components.security_scheme(
        SECURITY_SCHEME, {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )
    describe_events(api.spec.components)
    return api

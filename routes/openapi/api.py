"""OpenAPI 3.1 of everything that is served, made from the schemas that validate it."""

from http import HTTPStatus
from typing import Any

import flask_smorest  # type: ignore[import-untyped]  # it has no types; this file gives them
from flask import Flask

from routes.hooks.authentication import SECURITY_SCHEME
from routes.hooks.problems import CONTENT_TYPE
from routes.openapi.blueprint import Blueprint
from routes.openapi.converter import SchemaPlugin
from routes.schemas.events import describe_events
from routes.schemas.problems import ProblemSchema

ABOUT = """A streaming chat backend that never loses a word.

Errors are RFC 9457 problem documents; `code` is stable and listed in Documentation/errors.md.
"""

PROBLEMS = range(400, 600)
"""Statuses that come with a problem document."""


class Api(flask_smorest.Api):  # type: ignore[misc]  # its base is untyped
    """flask-smorest's API, whose errors are our problem documents."""

    ERROR_SCHEMA = ProblemSchema

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Serve a blueprint and document it."""
        super().register_blueprint(blueprint, **options)

    def _register_error_handlers(self) -> None:
        """Leave errors to `routes.hooks.problems`."""

    def _register_etag_headers(self) -> None:
        """Leave out ETags, which this API does not have."""

    def _register_pagination_header(self) -> None:
        """Leave out page numbers: lists use cursors."""

    def _register_responses(self) -> None:
        components = self.spec.components
        components.schema("Problem", schema=ProblemSchema)
        content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        names = {status.name: status.phrase for status in HTTPStatus if status.value in PROBLEMS}
        names[self.DEFAULT_ERROR_RESPONSE_NAME] = "Any other problem"
        for name, description in names.items():
            response = {"description": description, "content": content}
            components.response(name, response, lazy=True)


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

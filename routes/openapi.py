"""OpenAPI 3.1 of everything that is served, made from the schemas that validate it."""

from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar, cast

import flask_smorest  # type: ignore[import-untyped]  # it has no types; this file gives them
import marshmallow as ma
from flask import Flask

from routes.hooks.authentication import SECURITY_SCHEME
from routes.hooks.parsing import StrictParser
from routes.hooks.problems import CONTENT_TYPE
from routes.schemas.events import describe_events

Handler = TypeVar("Handler", bound=Callable[..., Any])

ABOUT = """A streaming chat backend that never loses a word.

Errors are RFC 9457 problem documents; `code` is stable and listed in Documentation/errors.md.
"""


PROBLEMS = range(400, 600)
"""Statuses that come with a problem document."""

OF_RUN = "Where a whole answer was asked for and its run failed."


class ProblemSchema(ma.Schema):
    """An RFC 9457 problem document; some problems have further members."""

    type = ma.fields.String(required=True, metadata={"format": "uri-reference"})
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True)
    code = ma.fields.String(required=True, metadata={"description": "Stable, for programs."})
    request_id = ma.fields.String(required=True, allow_none=True)
    errors = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.List(ma.fields.String()),
        metadata={"description": "What is wrong, by field of the input."},
    )
    active_run_id = ma.fields.String(
        metadata={"description": "With `run_active`: the run to follow or to stop."}
    )
    session_id = ma.fields.String(metadata={"description": OF_RUN})
    run_id = ma.fields.String(metadata={"description": OF_RUN})
    message_id = ma.fields.String(metadata={"description": OF_RUN})
    content = ma.fields.String(metadata={"description": f"{OF_RUN} The text that there is."})

    class Meta:
        """Allow the members of single problems."""

        unknown = ma.INCLUDE


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # its base is untyped
    """flask-smorest's blueprint with types and strict parsing.

    `arguments` gives the handler what a schema loaded, after its path parameters; `response` writes
    what the handler returns through a schema. A handler's docstring is its published text. A
    handler without a schema for the query accepts no query, unless the blueprint `takes_any_query`.
    """

    ARGUMENTS_PARSER = StrictParser()

    def __init__(
        self, name: str, import_name: str, *, description: str, takes_any_query: bool = False
    ) -> None:
        """Name a group of handlers."""
        super().__init__(name, import_name, description=description)
        self._takes_any_query = takes_any_query

    def get(self, rule: str, **options: Any) -> Callable[[Handler], Handler]:
        """Route GET requests."""
        return self._routed(rule, "GET", options)

    def post(self, rule: str, **options: Any) -> Callable[[Handler], Handler]:
        """Route POST requests."""
        return self._routed(rule, "POST", options)

    def patch(self, rule: str, **options: Any) -> Callable[[Handler], Handler]:
        """Route PATCH requests."""
        return self._routed(rule, "PATCH", options)

    def delete(self, rule: str, **options: Any) -> Callable[[Handler], Handler]:
        """Route DELETE requests."""
        return self._routed(rule, "DELETE", options)

    def arguments(
        self, schema: type[ma.Schema] | ma.Schema, *, location: str = "json", **options: Any
    ) -> Callable[[Handler], Handler]:
        """Load the body, or with `location="query"` the query, through a schema."""
        if isinstance(schema, type):
            schema = schema()  # once, not at every request
        loaded = super().arguments(schema, location=location, **options)
        if location == "json":
            loaded = _both(problems_doc(400, 413, 415), loaded)
        return cast("Callable[[Handler], Handler]", loaded)

    def response(
        self,
        status: int,
        schema: type[ma.Schema] | ma.Schema | dict[str, Any] | None = None,
        **options: Any,
    ) -> Callable[[Handler], Handler]:
        """Dump what the handler returns through a schema, with this status.

        A dict is JSON Schema, for a handler that writes its response itself.
        """
        written = cast("Callable[[Handler], Handler]", super().response(status, schema, **options))
        return written if self._takes_any_query else _both(self._refuse_unread_query, written)

    def alt_response(self, status: int, **options: Any) -> Callable[[Handler], Handler]:
        """Document a further response."""
        return cast("Callable[[Handler], Handler]", super().alt_response(status, **options))

    def doc(self, **options: Any) -> Callable[[Handler], Handler]:
        """Add to the documentation of a handler."""
        return cast("Callable[[Handler], Handler]", super().doc(**options))

    def _refuse_unread_query(self, handler: Handler) -> Handler:
        """Refuse unknown parameters once the caller is known and other schemas have read theirs."""

        @wraps(handler)
        def strict(*args: Any, **kwargs: Any) -> Any:
            self.ARGUMENTS_PARSER.refuse_unread_query()
            return handler(*args, **kwargs)

        return cast("Handler", problems_doc(422)(strict))

    def _routed(
        self, rule: str, method: str, options: dict[str, Any]
    ) -> Callable[[Handler], Handler]:
        routed = self.route(rule, methods=[method], **options)
        return cast("Callable[[Handler], Handler]", routed)


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


def problems_doc(*statuses: int) -> Callable[[Handler], Handler]:
    """Document the problems that a handler may answer with, by status."""

    def decorate(handler: Handler) -> Handler:
        info = deepcopy(getattr(handler, "_apidoc", {}))
        responses = info.setdefault("response", {}).setdefault("responses", {})
        for status in statuses:
            responses.setdefault(status, []).append(HTTPStatus(status).name)
        handler._apidoc = info  # type: ignore[attr-defined]  # noqa: SLF001 - where flask-smorest looks
        return handler

    return decorate


def header_doc(name: str, schema: dict[str, Any]) -> Callable[[Handler], Handler]:
    """Document a header that a request may have; `schema` is JSON Schema with a description."""

    def decorate(handler: Handler) -> Handler:
        info = deepcopy(getattr(handler, "_apidoc", {}))
        form = dict(schema)
        parameter = {"in": "header", "name": name, "description": form.pop("description")}
        parameters = info.setdefault("arguments", {}).setdefault("parameters", [])
        parameters.append({**parameter, "required": False, "schema": form})
        handler._apidoc = info  # type: ignore[attr-defined]  # noqa: SLF001 - where flask-smorest looks
        return handler

    return decorate


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
    api = Api(app)
    api.spec.components.security_scheme(
        SECURITY_SCHEME, {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )
    describe_events(api.spec.components)
    return api


def _both(
    first: Callable[[Handler], Handler], second: Callable[[Handler], Handler]
) -> Callable[[Handler], Handler]:
    return lambda handler: second(first(handler))

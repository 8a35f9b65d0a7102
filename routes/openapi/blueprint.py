"""How handlers are routed, and described where they stand."""

import re
from collections.abc import Callable
from copy import copy, deepcopy
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar, cast

import flask
import flask_smorest  # type: ignore[import-untyped]  # it has no types; this file gives them
import marshmallow as ma

from routes.bodies.sizes import SMALL_BODY_BYTES, takes
from routes.hooks.parsing import StrictParser
from routes.openapi.converter import example_of

Handler = TypeVar("Handler", bound=Callable[..., Any])

PATH_VARIABLE = re.compile(r"<(\w+)>")
IN_PATHS: dict[str, dict[str, Any]] = {
    "session_id": {
        "description": "The `id` of a session.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "run_id": {
        "description": "The `id` of a run.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "provider": {"description": "The `name` of a provider.", "example": "openai"},
}
"""What the variables of paths are."""


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # its base is untyped
    """flask-smorest's blueprint with types and strict parsing.

    `arguments` gives the handler what a schema loaded, after its path parameters; `response` writes
    what the handler returns through a schema. A handler's docstring is its published text, and its
    name, `list_sessions`, the name of its operation, `listSessions`: clients made of the document
    have methods of that name. A handler without a schema for the query accepts no query, unless the
    blueprint `takes_any_query`.
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
        self,
        schema: type[ma.Schema] | ma.Schema,
        *,
        location: str = "json",
        max_bytes: int = SMALL_BODY_BYTES,
        **options: Any,
    ) -> Callable[[Handler], Handler]:
        """Load the body, or with `location="query"` the query, through a schema.

        A body of more than `max_bytes` is refused. Its example has the fields that have one.
        """
        if isinstance(schema, type):
            schema = schema()  # once, not at every request
        if location == "json":
            size = f"At most {max_bytes} bytes."
            options = {"example": example_of(schema), "description": size, **options}
        loaded = super().arguments(schema, location=location, **options)
        if location == "json":
            loaded = _both(_both(problems_doc(400, 413, 415), loaded), takes(max_bytes))
        if location == "query":
            loaded = _unless_empty(schema, cast("Callable[[Handler], Handler]", loaded))
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
        variables = [
            {"in": "path", "name": name, **IN_PATHS.get(name, {})}
            for name in PATH_VARIABLE.findall(rule)
        ]
        routed = self.route(rule, methods=[method], parameters=variables, **options)
        return _both(_operation_doc, cast("Callable[[Handler], Handler]", routed))


def _unless_empty(
    schema: ma.Schema, loaded: Callable[[Handler], Handler]
) -> Callable[[Handler], Handler]:
    """Read a query only where there is one: most requests have none, and reading takes 18 us."""
    if schema.validate({}):
        return loaded  # it needs something
    nothing = schema.load({})

    def decorate(handler: Handler) -> Handler:
        reading = loaded(handler)

        @wraps(reading)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            if flask.request.query_string:
                return reading(*args, **kwargs)
            return handler(*args, copy(nothing), **kwargs)

        return cast("Handler", decorated)

    return decorate


def problems_doc(*statuses: int) -> Callable[[Handler], Handler]:
    """Document the problems that a handler may answer with, by status."""

    def decorate(handler: Handler) -> Handler:
        responses = _doc_of(handler).setdefault("response", {}).setdefault("responses", {})
        for status in statuses:
            responses.setdefault(status, []).append(HTTPStatus(status).name)
        return handler

    return decorate


def header_doc(name: str, schema: dict[str, Any]) -> Callable[[Handler], Handler]:
    """Document a header that a request may have; `schema` is JSON Schema with a description."""

    def decorate(handler: Handler) -> Handler:
        form = dict(schema)
        parameter = {"in": "header", "name": name, "description": form.pop("description")}
        parameters = _doc_of(handler).setdefault("arguments", {}).setdefault("parameters", [])
        parameters.append({**parameter, "required": False, "schema": form})
        return handler

    return decorate


def _operation_doc(handler: Handler) -> Handler:
    """Document the name of a handler's operation."""
    first, *others = handler.__name__.split("_")
    name = "".join([first, *map(str.capitalize, others)])
    _doc_of(handler).setdefault("manual_doc", {})["operationId"] = name
    return handler


def _doc_of(handler: Handler) -> dict[str, Any]:
    """Give what flask-smorest knows of a handler, to be changed for this handler alone."""
    info: dict[str, Any] = deepcopy(getattr(handler, "_apidoc", {}))
    handler._apidoc = info  # type: ignore[attr-defined]  # noqa: SLF001 - where flask-smorest looks
    return info


def _both(
    first: Callable[[Handler], Handler], second: Callable[[Handler], Handler]
) -> Callable[[Handler], Handler]:
    return lambda handler: second(first(handler))

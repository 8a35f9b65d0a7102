"""How request bodies and queries are read: strictly, and every mistake is told by field."""

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NoReturn, cast

import flask
import marshmallow as ma
from webargs.core import is_json, missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from routes.bodies.json_text import read_object
from routes.bodies.sizes import too_large
from services.domain.errors.requests import InvalidRequest

MAX_REPORTED_FIELDS = 50
"""A hostile body may have a hundred thousand wrong fields; no client reads so many."""


MAX_PARAMETERS = 50
"""In a query; the largest of ours has six."""


class StrictParser(FlaskParser):
    """Refuses unknown fields in bodies and queries, and every body that is not a JSON object.

    A missing body counts as an empty object, so that a POST whose fields are all optional needs
    none.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - webargs declares it on the instance
        "json": ma.RAISE,
        "query": ma.RAISE,
        "path": ma.RAISE,
        "view_args": ma.RAISE,
        "headers": ma.EXCLUDE,
    }

    def load_json(self, req: flask.Request, schema: ma.Schema) -> Any:
        """Read the body as an object, `missing` if there is no body."""
        if req.mimetype and not is_json(req.mimetype):
            raise UnsupportedMediaType("The body must be application/json.")
        body = _body_of(req)
        if not body:
            return missing
        if not req.mimetype:
            raise UnsupportedMediaType("Say Content-Type: application/json.")
        flask.g.read_body = read_object(body)
        return _few_unknown(flask.g.read_body, schema)

    def load_querystring(self, req: flask.Request, schema: ma.Schema) -> Any:
        """Read the query, and note that a schema has read it."""
        flask.g.query_is_read = True
        if req.query_string.count(b"&") > MAX_PARAMETERS:
            raise InvalidRequest(f"The query has more than {MAX_PARAMETERS} parameters.")
        return super().load_querystring(req, schema)

    def refuse_unread_query(self) -> None:
        """Raise InvalidRequest if the present request has a query that no schema has read."""
        if flask.request.query_string and "query_is_read" not in flask.g:
            self.parse(ma.Schema(), flask.request, location="query")

    def handle_error(
        self,
        error: ma.ValidationError,
        req: flask.Request,  # noqa: ARG002 - webargs' hook
        schema: ma.Schema,  # noqa: ARG002 - the same
        *,
        error_status_code: int | None,  # noqa: ARG002 - the same
        error_headers: Mapping[str, str] | None,  # noqa: ARG002 - the same
    ) -> NoReturn:
        """Raise InvalidRequest; webargs nests the messages under the place they came from."""
        nested = error.messages
        inner = next(iter(nested.values())) if isinstance(nested, Mapping) else nested
        raise invalid(inner) from error


def present_body() -> dict[str, Any]:
    """Give the body of the present request as a schema has read it, else read it now."""
    if "read_body" not in flask.g:
        flask.g.read_body = read_object(flask.request.get_data(cache=True) or b"{}")
    return cast("dict[str, Any]", flask.g.read_body)


def _few_unknown(body: dict[str, Any], schema: ma.Schema) -> dict[str, Any]:
    """Leave out the unknown fields that no answer tells of: a schema takes 5 us for each."""
    most = len(schema.load_fields) + MAX_REPORTED_FIELDS
    if len(body) <= most:
        return body
    known = {name: body[name] for name in schema.load_fields if name in body}
    unknown = islice(
        ((name, body[name]) for name in body if name not in known), MAX_REPORTED_FIELDS
    )
    return known | dict(unknown)


def _body_of(req: flask.Request) -> bytes:
    """Read the whole body, or raise ContentTooLarge."""
    body = req.get_data(cache=True)
    # werkzeug refuses by Content-Length; it silently cuts a chunked body off at the limit.
    if req.content_length is None and len(body) >= (req.max_content_length or sys.maxsize):
        raise too_large()
    return body


def invalid(messages: Any) -> InvalidRequest:
    """Make the error for the mistakes that a schema found, flattened: `{"metadata.x": [...]}`."""
    errors: dict[str, list[str]] = {}
    for path, text in _flat(messages, ""):
        if path in errors or len(errors) < MAX_REPORTED_FIELDS:
            errors.setdefault(path, []).append(text)
    detail = "; ".join(f"{path}: {texts[0]}" for path, texts in list(errors.items())[:3])
    return InvalidRequest(detail, errors)


def _flat(messages: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            name = _printable(str(key))
            yield from _flat(inner, f"{path}.{name}" if path else name)
    elif isinstance(messages, list):
        for inner in messages:
            yield from _flat(inner, path)
    else:
        yield path or "body", str(messages)


def _printable(name: str) -> str:
    # Names come from the client: UTF-8 cannot hold a lone surrogate, and nobody reads a long name.
    return name[:100].encode("utf-8", "replace").decode()

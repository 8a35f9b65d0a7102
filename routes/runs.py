"""Runs: begin a run and read it, read on, stop."""

from collections.abc import Mapping
from typing import Any

from flask import Response, make_response, request

from controllers.runs import RunsController
from routes.hooks.authentication import Guard, current_caller
from routes.hooks.idempotency import HEADER, KEY_FORM, idempotency_key
from routes.hooks.limits import tell
from routes.hooks.turns import TurnReader
from routes.openapi.blueprint import Blueprint, header_doc, problems_doc
from routes.schemas.events import STREAM, STREAM_EXAMPLE
from routes.schemas.runs import CursorSchema, RunSchema, StreamTurnSchema
from routes.transports.sse import MIMETYPE, StreamTimes, sse_response
from services.domain.deliveries import EventStream
from services.domain.runs import Run

Body = Mapping[str, Any]

LAST_EVENT_ID = "Last-Event-ID"
LAST_EVENT_ID_FORM = {
    "type": "string",
    "description": "The `id` of the last event that was seen; many readers send it by themselves.",
}
OF_STREAM: dict[str, Any] = {
    "content_type": MIMETYPE,
    "example": STREAM_EXAMPLE,
    "headers": {
        "X-Run-Id": {
            "description": "The run that is read.",
            "schema": {"type": "string", "format": "uuid"},
        }
    },
}
"""What every response that is a stream has beside its schema."""


def blueprint(
    runs: RunsController, guard: Guard, turns: TurnReader, times: StreamTimes
) -> Blueprint:
    """Build the blueprint."""
    blp = Blueprint("runs", __name__, description="Answers, as streams of events")

    @blp.post("/sessions/<session_id>/stream")
    @guard.required
    @header_doc(HEADER, KEY_FORM)
    @header_doc(LAST_EVENT_ID, LAST_EVENT_ID_FORM)
    @blp.arguments(StreamTurnSchema, max_bytes=turns.max_body_bytes)
    @blp.arguments(CursorSchema, location="query")
    @blp.response(200, STREAM, **OF_STREAM)
    @blp.alt_response(204, description="A repeat of a message whose answer was read to its end")
    @problems_doc(404, 409, 429)
    def send_message(body: Body, query: Body, session_id: str) -> Response:
        """Send a message and read the answer as it is written.

        With an `Idempotency-Key` a repeat attaches to the same run instead of beginning another,
        and reads on after `Last-Event-ID`. Closing the connection stops nothing.
        """
        caller = current_caller()
        started = runs.start(caller, session_id, turns.read(body), idempotency_key(caller))
        tell(started.standing)
        cursor = _last_event_id(query)
        return _stream(runs.follow_on(caller, started, cursor, guard.may_go_on(caller)))

    @blp.get("/sessions/<session_id>/stream")
    @guard.required
    @header_doc(LAST_EVENT_ID, LAST_EVENT_ID_FORM)
    @blp.arguments(CursorSchema, location="query")
    @blp.response(200, STREAM, **OF_STREAM)
    @blp.alt_response(204, description="Nothing is active, or its end was seen already")
    @problems_doc(404, 429)
    def follow_session(query: Body, session_id: str) -> Response:
        """Read on in a session: the run that `Last-Event-ID` names, else the active one."""
        caller = current_caller()
        cursor = _last_event_id(query)
        events = runs.attach_to_session(caller, session_id, cursor, guard.may_go_on(caller))
        return _stream(events)

    @blp.get("/runs/<run_id>/stream")
    @guard.required
    @header_doc(LAST_EVENT_ID, LAST_EVENT_ID_FORM)
    @blp.arguments(CursorSchema, location="query")
    @blp.response(200, STREAM, **OF_STREAM)
    @blp.alt_response(204, description="The end was seen already")
    @problems_doc(404, 429)
    def follow_run(query: Body, run_id: str) -> Response:
        """Read a run from its start or after `Last-Event-ID`, also one that has ended."""
        caller = current_caller()
        cursor = _last_event_id(query)
        return _stream(runs.attach_to_run(caller, run_id, cursor, guard.may_go_on(caller)))

    @blp.get("/runs/<run_id>")
    @guard.required
    @blp.response(200, RunSchema)
    @problems_doc(404)
    def get_run(run_id: str) -> Run:
        """Read the state of a run."""
        return runs.get(current_caller(), run_id)

    @blp.post("/runs/<run_id>/stop")
    @guard.required
    @blp.response(202, RunSchema)
    @problems_doc(404)
    def stop_run(run_id: str) -> Run:
        """Stop a run: its stream ends with `done` and `stopped`; a run that has ended stays so."""
        return runs.stop(current_caller(), run_id)

    def _stream(events: EventStream | None) -> Response:
        if events is None:
            return make_response("", 204)
        return sse_response(events, times)

    return blp


def _last_event_id(query: Body) -> str | None:
    """Take the header, which browsers set by themselves, before the query."""
    return request.headers.get(LAST_EVENT_ID) or query.get("last_event_id") or None

"""The blocking counterpart of a stream: one request, one JSON."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from controllers.chat import ChatController
from controllers.runs import RunsController
from routes.hooks.authentication import Guard, current_caller
from routes.hooks.idempotency import HEADER, KEY_FORM, idempotency_key
from routes.hooks.limits import tell
from routes.hooks.turns import TurnReader
from routes.openapi.blueprint import Blueprint, header_doc, problems_doc
from routes.schemas.runs import AnswerSchema, ChatTurnSchema
from routes.transports.kept_json import kept_answer
from routes.transports.payloads import Payload
from routes.transports.sse import StreamTimes
from routes.transports.whole_json import whole_answer


def blueprint(
    chat: ChatController,
    runs: RunsController,
    guard: Guard,
    turns: TurnReader,
    times: StreamTimes,
) -> Blueprint:
    """Build the blueprint."""
    write = AnswerSchema().dumps
    blp = Blueprint("chat", __name__, description="Whole answers")

    @blp.post("/chat")
    @guard.required
    @header_doc(HEADER, KEY_FORM)
    @blp.arguments(ChatTurnSchema, max_bytes=turns.max_body_bytes)
    @blp.response(200, AnswerSchema)
    @problems_doc(404, 409, 429, 502, 504)
    def ask(body: Mapping[str, Any]) -> Payload | Response:
        """Send a message and wait for the whole answer.

        The same turn as the stream's: it goes on when the connection is closed, and can be read
        as a stream meanwhile.
        """
        caller = current_caller()
        key = idempotency_key(caller)
        started = chat.ask(caller, body["session_id"], turns.read(body), key)
        tell(started.standing)
        events = runs.follow(caller, started, guard.may_go_on(caller))
        if times.json_keepalive_seconds:
            return kept_answer(started.run, events, times.json_keepalive_seconds, write)
        return whole_answer(started.run, events)

    return blp

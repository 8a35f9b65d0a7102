"""The data of a stream's events, for the documentation: `routes.transports` writes them."""

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from routes.schemas.fields import Timestamp
from routes.schemas.runs import CostSchema, UsageSchema
from routes.transports.sse import MIMETYPE
from services.domain.events import StatusState
from services.domain.sessions import FinishReason


def named(name: str) -> fields.String:
    """Make the field that names the kind of an event."""
    return fields.String(required=True, validate=validate.Equal(name))


class _EventSchema(ma.Schema):
    class Meta:
        """Further fields may come with time."""

        unknown = ma.INCLUDE


class StartEventSchema(_EventSchema):
    """The run exists and goes upstream."""

    type = named("start")
    session_id = fields.UUID(required=True)
    run_id = fields.UUID(required=True)
    message_id = fields.UUID(required=True)
    user_message_id = fields.UUID(required=True)
    provider = fields.String(required=True)
    model = fields.String(required=True)
    created_at = Timestamp(required=True)


class ContentEventSchema(_EventSchema):
    """A piece of the answer; the pieces put together are the text."""

    type = named("content")
    content = fields.String(required=True)


class ReasoningEventSchema(_EventSchema):
    """A piece of what the model thinks aloud."""

    type = named("reasoning")
    content = fields.String(required=True)


class StatusEventSchema(_EventSchema):
    """Something to show while waiting."""

    type = named("status")
    state = fields.Enum(StatusState, by_value=True, required=True)
    detail = fields.Dict(required=True)


class DoneEventSchema(_EventSchema):
    """The end of an answer that did not fail."""

    type = named("done")
    message_id = fields.UUID(required=True)
    full_content = fields.String(required=True)
    finish_reason = fields.Enum(FinishReason, by_value=True, required=True)
    usage = fields.Nested(UsageSchema, required=True)
    cost = fields.Nested(CostSchema, required=True, allow_none=True)
    provider = fields.String(required=True)
    model = fields.String(required=True)
    ttft_ms = fields.Integer(required=True, allow_none=True)
    total_ms = fields.Integer(required=True)
    persisted = fields.Boolean(required=True)


class ErrorEventSchema(_EventSchema):
    """The end of an answer that failed; `full_content` is what there is of it."""

    type = named("error")
    code = fields.String(required=True)
    message = fields.String(required=True)
    retryable = fields.Boolean(required=True)
    message_id = fields.UUID(required=True)
    full_content = fields.String(required=True)
    usage = fields.Nested(UsageSchema, required=True)
    cost = fields.Nested(CostSchema, required=True, allow_none=True)
    persisted = fields.Boolean(required=True)


class ResumeEventSchema(_EventSchema):
    """The greeting of an attached reader; not `recovered`: `content` is the whole text so far."""

    type = named("resume")
    run_id = fields.UUID(required=True)
    recovered = fields.Boolean(required=True)
    content = fields.String()


EVENTS: dict[str, type[ma.Schema]] = {
    "start": StartEventSchema,
    "content": ContentEventSchema,
    "reasoning": ReasoningEventSchema,
    "status": StatusEventSchema,
    "done": DoneEventSchema,
    "error": ErrorEventSchema,
    "resume": ResumeEventSchema,
}

FRAME: dict[str, Any] = {
    "type": "object",
    "description": "A frame of a stream. Lines that begin with a colon are to be ignored.",
    "properties": {
        "id": {
            "type": "string",
            "description": "Where to read on; not there in what is no history, and empty where "
            "an earlier one is to be forgotten.",
        },
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/StreamEvent"},
        },
    },
    "required": ["data"],
}
"""A frame as JSON Schema: its data hold the JSON of an event."""

STREAM: dict[str, Any] = {
    "type": "string",
    "description": "Server-Sent Events: the `data` of each frame is the JSON of a `StreamEvent`.",
    "contentMediaType": MIMETYPE,
    "contentSchema": {"type": "array", "items": {"$ref": "#/components/schemas/StreamFrame"}},
}
"""A stream as JSON Schema: a text, which is what it is for those who do not know the format."""

STREAM_EXAMPLE = """\
data: {"type":"content","content":"Hello, "}
id: 01a1f8c4-32a2-71c8-a6a3-45cba1b9bbe8.1.2

data: {"type":"content","content":"world."}
id: 01a1f8c4-32a2-71c8-a6a3-45cba1b9bbe8.1.3

"""


def describe_events(components: Any) -> None:
    """Add `StreamEvent`, an event of any kind, and `StreamFrame` to an OpenAPI document."""
    places = {}
    for name, schema in EVENTS.items():
        component = schema.__name__.removesuffix("Schema")
        components.schema(component, schema=schema)
        places[name] = f"#/components/schemas/{component}"
    event = {
        "oneOf": [{"$ref": place} for place in places.values()],
        "discriminator": {"propertyName": "type", "mapping": places},
        "description": "`done` and `error` end a stream. Ignore types that you do not know.",
    }
    components.schema("StreamEvent", event)
    components.schema("StreamFrame", FRAME)

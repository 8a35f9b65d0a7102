"""Turns, runs and the events of their streams."""

import marshmallow as ma
from marshmallow import fields, validate

from routes.schemas.fields import Amount, Id, Name, Number, Text, Timestamp, Whole, Word
from services.domain.catalog import Strategy
from services.domain.costs import UsageSource
from services.domain.limits import Priority
from services.domain.runs import AttemptOutcome
from services.domain.sessions import FinishReason, MessageStatus

NAME_CHARS = 200
MAX_TOKENS = 1_000_000

NOT_BLANK = validate.Regexp(r"(?s).*\S", error="There is nothing but white space in it.")
NOT_BLANK_PATTERN = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
"""The same for the documentation, in JSON Schema's dialect."""


def message_text() -> Text:
    """Make the field of a message's text."""
    return Text(
        required=True,
        low=1,
        validate=NOT_BLANK,
        metadata={
            "description": "The message, not blank.",
            "example": "What is a run?",
            "pattern": NOT_BLANK_PATTERN,
        },
    )


class TurnSchema(ma.Schema):
    """A message to a model."""

    content = message_text()
    model = Name(high=NAME_CHARS, load_default=None, allow_none=True)
    provider = Name(high=NAME_CHARS, load_default=None, allow_none=True)
    temperature = Number(load_default=None, allow_none=True, validate=validate.Range(min=0, max=2))
    max_tokens = Whole(
        load_default=None, allow_none=True, validate=validate.Range(min=1, max=MAX_TOKENS)
    )
    strategy = fields.Enum(
        Strategy,
        by_value=True,
        load_default=None,
        allow_none=True,
        metadata={"description": "What the model is chosen for, where none is named."},
    )
    priority = fields.Enum(
        Priority,
        by_value=True,
        load_default=Priority.INTERACTIVE,
        metadata={
            "description": "Where a provider has no room for all, `background` waits behind "
            "`interactive`. A turn that names neither is `interactive`."
        },
    )


class StreamTurnSchema(TurnSchema):
    """A message into a session."""

    parent_id = Id(
        allow_none=True,
        metadata={
            "description": "Fork: the answer to continue from, null for a new beginning. "
            "Without it the message follows the newest one of the active branch."
        },
    )


class ChatTurnSchema(StreamTurnSchema):
    """A message to be answered in one JSON; without a session a new one is made."""

    session_id = Id(fewest=1, load_default=None, allow_none=True)


class UsageSchema(ma.Schema):
    """Tokens; `estimated` if the provider reported none."""

    input_tokens = fields.Integer(required=True)
    output_tokens = fields.Integer(required=True)
    cached_tokens = fields.Integer(required=True)
    reasoning_tokens = fields.Integer(required=True)
    source = fields.Enum(UsageSource, by_value=True, required=True)


class CostSchema(ma.Schema):
    """Money as a decimal string."""

    amount = Amount(required=True)
    currency = fields.String(required=True)


class AttemptSchema(ma.Schema):
    """One call of a provider."""

    number = fields.Integer(required=True)
    provider = fields.String(required=True)
    model = fields.String(required=True)
    outcome = fields.Enum(AttemptOutcome, by_value=True, required=True)
    code = Word(
        required=True,
        allow_none=True,
        metadata={"description": "Why it did not end well: a code of the errors, or a reason."},
    )
    usage = fields.Nested(UsageSchema, required=True)
    cost = fields.Nested(CostSchema, required=True, allow_none=True)


class RunSchema(ma.Schema):
    """One answer to one message."""

    id = fields.UUID(required=True)
    session_id = fields.UUID(required=True)
    message_id = fields.UUID(required=True)
    status = fields.Enum(MessageStatus, by_value=True, required=True)
    finish_reason = fields.Enum(FinishReason, by_value=True, required=True, allow_none=True)
    provider = fields.String(required=True)
    model = fields.String(required=True)
    usage = fields.Nested(UsageSchema, required=True, allow_none=True)
    cost = fields.Nested(CostSchema, required=True, allow_none=True)
    created_at = Timestamp(required=True)
    ended_at = Timestamp(required=True, allow_none=True)
    attempts = fields.List(
        fields.Nested(AttemptSchema),
        required=True,
        metadata={"description": "The calls that it took; none before the end."},
    )


class AnswerSchema(ma.Schema):
    """A whole answer."""

    session_id = fields.UUID(required=True)
    run_id = fields.UUID(required=True)
    message_id = fields.UUID(required=True)
    content = fields.String(required=True)
    finish_reason = fields.Enum(FinishReason, by_value=True, required=True)
    usage = fields.Nested(UsageSchema, required=True)
    cost = fields.Nested(CostSchema, required=True, allow_none=True)
    model = fields.String(required=True)
    provider = fields.String(required=True)


class CursorSchema(ma.Schema):
    """Where to read on."""

    last_event_id = Text(
        metadata={"description": "The `id` of the last event that was seen; or as a header."},
    )

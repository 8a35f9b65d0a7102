"""Sessions."""

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from routes.bodies.sizes import SMALL_BODY_BYTES
from routes.schemas.fields import METADATA_CHARS, Digits, Flag, JsonObject, Name, Text, Timestamp
from routes.schemas.runs import NAME_CHARS, NOT_BLANK, NOT_BLANK_PATTERN
from services.domain.catalog import Strategy
from services.domain.limits import ESCAPED_CHAR_BYTES

TITLE_CHARS = 200
PROMPT_CHARS = 32_000
PATCH_BYTES = SMALL_BODY_BYTES + ESCAPED_CHAR_BYTES * (TITLE_CHARS + PROMPT_CHARS + METADATA_CHARS)
"""What a change of everything takes at most."""

PAGE_DEFAULT = 50
PAGE_MAX = 100


class SessionPatchSchema(ma.Schema):
    """What of a session can be changed; null clears."""

    title = Text(low=1, high=TITLE_CHARS, allow_none=True, metadata={"example": "Runs, explained"})
    archived = Flag()
    system_prompt = Text(low=1, high=PROMPT_CHARS, allow_none=True)
    model = Name(high=NAME_CHARS, allow_none=True)
    provider = Name(high=NAME_CHARS, allow_none=True)
    metadata = JsonObject(metadata={"description": "Anything of the client's own."})


class SessionDraftSchema(ma.Schema):
    """A new session."""

    title = Text(
        low=1,
        high=TITLE_CHARS,
        load_default=None,
        allow_none=True,
        metadata={"example": "About runs"},
    )
    initial_message = Text(
        low=1,
        load_default=None,
        allow_none=True,
        validate=NOT_BLANK,
        metadata={
            "description": "Begins the first run at once: follow `active_run`.",
            "pattern": NOT_BLANK_PATTERN,
        },
    )
    system_prompt = Text(low=1, high=PROMPT_CHARS, load_default=None, allow_none=True)
    model = Name(high=NAME_CHARS, load_default=None, allow_none=True)
    provider = Name(high=NAME_CHARS, load_default=None, allow_none=True)
    strategy = fields.Enum(
        Strategy,
        by_value=True,
        load_default=None,
        allow_none=True,
        metadata={"description": "What the model for `initial_message` is chosen for."},
    )
    metadata = JsonObject(load_default=dict)

    @ma.validates_schema
    def has_what_it_chooses_for(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a strategy that would have no effect: a session does not keep it."""
        if data["strategy"] is not None and data["initial_message"] is None:
            text = "It is for `initial_message`; later messages name their own."
            raise ma.ValidationError(text, "strategy")


class SessionSchema(ma.Schema):
    """A conversation."""

    id = fields.UUID(required=True)
    user_id = fields.UUID(required=True)
    title = fields.String(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)
    active_run = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The run that answers now."}
    )
    system_prompt = fields.String(required=True, allow_none=True)
    model = fields.String(required=True, allow_none=True, attribute="choice.model")
    provider = fields.String(required=True, allow_none=True, attribute="choice.provider")
    metadata = fields.Dict(required=True)
    archived = fields.Boolean(required=True)


class PageQuerySchema(ma.Schema):
    """Which page of a list."""

    limit = Digits(load_default=PAGE_DEFAULT, validate=validate.Range(min=1, max=PAGE_MAX))
    cursor = Text(metadata={"description": "`next_cursor` of a page before."})


class SessionQuerySchema(PageQuerySchema):
    """Which sessions."""

    q = Text(
        low=1,
        high=200,
        metadata={"description": "Words that the title or a message must contain."},
    )
    archived = fields.Boolean(load_default=False)


class PageSchema(ma.Schema):
    """A page; `next_cursor` is null at the end. Long texts may make it shorter than asked for."""

    next_cursor = fields.String(required=True, allow_none=True)


class SessionPageSchema(PageSchema):
    """A page of sessions."""

    items = fields.List(fields.Nested(SessionSchema), required=True)

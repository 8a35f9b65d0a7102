"""Messages."""

import marshmallow as ma
from marshmallow import fields

from routes.schemas.fields import Timestamp
from routes.schemas.runs import CostSchema, UsageSchema
from routes.schemas.sessions import PageQuerySchema, PageSchema
from services.domain.sessions import FinishReason, MessageRole, MessageStatus


class MessageSchema(ma.Schema):
    """One message; `content` is always a string."""

    id = fields.UUID(required=True)
    session_id = fields.UUID(required=True)
    parent_id = fields.UUID(required=True, allow_none=True)
    role = fields.Enum(MessageRole, by_value=True, required=True)
    content = fields.String(required=True)
    status = fields.Enum(MessageStatus, by_value=True, required=True)
    finish_reason = fields.Enum(FinishReason, by_value=True, required=True, allow_none=True)
    model = fields.String(required=True, allow_none=True)
    provider = fields.String(required=True, allow_none=True)
    usage = fields.Nested(UsageSchema, required=True, allow_none=True)
    cost = fields.Nested(CostSchema, required=True, allow_none=True)
    created_at = Timestamp(required=True)


class MessageQuerySchema(PageQuerySchema):
    """Which messages."""

    tree = fields.Boolean(
        load_default=False, metadata={"description": "All branches, not only the active one."}
    )


class MessagePageSchema(PageSchema):
    """A page of messages, the oldest first; `next_cursor` goes back in time."""

    items = fields.List(fields.Nested(MessageSchema), required=True)

"""Providers, their models, and what a text has of tokens."""

import marshmallow as ma
from marshmallow import fields, validate

from routes.schemas.fields import Amount, Name, Text
from routes.schemas.runs import NAME_CHARS, message_text
from routes.schemas.sessions import PROMPT_CHARS
from services.domain.catalog import Strategy, Tier
from services.domain.costs import UsageSource


class PriceSchema(ma.Schema):
    """What a million tokens cost."""

    input = Amount(required=True)
    output = Amount(required=True)
    cached_input = Amount(required=True)
    currency = fields.String(required=True, dump_default="USD")


class ModelSchema(ma.Schema):
    """A model; sizes in tokens."""

    name = fields.String(required=True, attribute="model.name")
    tier = fields.Enum(Tier, by_value=True, required=True, attribute="model.tier")
    window = fields.Integer(required=True, attribute="model.window")
    max_output = fields.Integer(required=True, attribute="model.max_output")
    reasons = fields.Boolean(required=True, attribute="model.reasons")
    sees = fields.Boolean(
        required=True, attribute="model.sees", metadata={"description": "It takes images."}
    )
    takes_temperature = fields.Boolean(required=True, attribute="model.takes_temperature")
    max_temperature = fields.Float(required=True, attribute="model.max_temperature")
    ends = fields.Date(
        required=True,
        allow_none=True,
        attribute="model.ends",
        metadata={"description": "The day on which its vendor switches it off; null: not known."},
    )
    price = fields.Nested(
        PriceSchema,
        required=True,
        allow_none=True,
        attribute="model.price",
        metadata={"description": "null: not known."},
    )


class ModelStateSchema(ModelSchema):
    """A model that may be asked."""

    breaker = fields.String(
        required=True,
        validate=validate.OneOf(("closed", "open", "half_open")),
        metadata={"description": "Open: it failed again and again and is left alone for a while."},
    )


class ListedModelSchema(ModelSchema):
    """A model of a provider."""

    listed = fields.Boolean(
        required=True,
        allow_none=True,
        metadata={
            "description": "Whether the provider's own list has it; null: it could not be asked."
        },
    )


class LimitSchema(ma.Schema):
    """What a provider takes in a span of time."""

    limit = fields.Integer(required=True)
    remaining = fields.Integer(required=True)


class LimitsSchema(ma.Schema):
    """The limits of a provider; null: there is none of this kind."""

    requests = fields.Nested(LimitSchema, required=True, allow_none=True)
    tokens = fields.Nested(LimitSchema, required=True, allow_none=True)
    reset_seconds = fields.Float(
        required=True, metadata={"description": "Until all of them are free again."}
    )


class ProviderSchema(ma.Schema):
    """A provider; one that is not configured offers nothing."""

    name = fields.String(required=True)
    configured = fields.Boolean(required=True)
    default = fields.Boolean(required=True)
    any_model = fields.Boolean(
        required=True,
        metadata={"description": "It has a base URL of its own: other model names may be asked."},
    )
    healthy = fields.Boolean(required=True, metadata={"description": "It would be asked now."})
    models = fields.List(fields.Nested(ModelStateSchema), required=True)
    limits = fields.Nested(LimitsSchema, required=True, allow_none=True)
    waiting = fields.Integer(
        required=True, metadata={"description": "Answers that wait for room at it."}
    )


class DefaultModelSchema(ma.Schema):
    """The provider and the model that answer if a request names none."""

    provider = fields.String(required=True)
    model = fields.String(required=True)


class ProvidersStateSchema(ma.Schema):
    """All providers in order of preference, and how they are just now."""

    providers = fields.List(fields.Nested(ProviderSchema), required=True)
    default = fields.Nested(DefaultModelSchema, required=True)
    strategies = fields.List(fields.Enum(Strategy, by_value=True), required=True)
    default_strategy = fields.Enum(Strategy, by_value=True, required=True)


class ListedModelsSchema(ma.Schema):
    """The models of a provider."""

    items = fields.List(fields.Nested(ListedModelSchema), required=True)


class CountedTextSchema(ma.Schema):
    """A message to be counted."""

    content = message_text()
    model = Name(high=NAME_CHARS, load_default=None, allow_none=True)
    provider = Name(high=NAME_CHARS, load_default=None, allow_none=True)
    system_prompt = Text(low=1, high=PROMPT_CHARS, load_default=None, allow_none=True)


class TokenCountSchema(ma.Schema):
    """Tokens as a model would count them; what a call really used comes with its answer."""

    tokens = fields.Integer(required=True)
    provider = fields.String(required=True, attribute="model.provider")
    model = fields.String(required=True, attribute="model.name")
    window = fields.Integer(required=True, attribute="model.window")
    max_output = fields.Integer(required=True, attribute="model.max_output")
    source = fields.Enum(UsageSource, by_value=True, required=True)

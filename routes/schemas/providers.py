"""Providers and their models."""

import marshmallow as ma
from marshmallow import fields


class ModelSchema(ma.Schema):
    """A model that may be asked; sizes in tokens."""

    name = fields.String(required=True)
    window = fields.Integer(required=True)
    max_output = fields.Integer(required=True)
    reasons = fields.Boolean(required=True)
    takes_temperature = fields.Boolean(required=True)


class ProviderSchema(ma.Schema):
    """A configured provider."""

    name = fields.String(required=True)
    configured = fields.Boolean(required=True)
    default = fields.Boolean(required=True)
    any_model = fields.Boolean(
        required=True,
        metadata={"description": "It has a base URL of its own: other model names may be asked."},
    )
    models = fields.List(fields.Nested(ModelSchema), required=True)


class DefaultSchema(ma.Schema):
    """Who answers where a request names nobody."""

    provider = fields.String(required=True)
    model = fields.String(required=True)


class ProvidersSchema(ma.Schema):
    """All that may be asked now."""

    providers = fields.List(fields.Nested(ProviderSchema), required=True)
    default = fields.Nested(DefaultSchema, required=True)

"""Health on the wire."""

import marshmallow as ma

WATCHED = "Only for the bearer of METRICS_TOKEN; without one, in development, for everybody."


class HealthSchema(ma.Schema):
    """The process lives."""

    status = ma.fields.String(required=True, metadata={"enum": ["ok"]})


class ReadinessSchema(ma.Schema):
    """Whether new work may be sent here, and the state of each part."""

    status = ma.fields.String(
        required=True, metadata={"enum": ["ready", "degraded", "draining", "unavailable"]}
    )
    checks = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        metadata={"description": WATCHED},
    )
    reasons = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.String(), metadata={"description": WATCHED}
    )
    providers = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.String(), metadata={"description": WATCHED}
    )

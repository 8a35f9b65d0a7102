"""What a load balancer and a monitoring system ask."""

from collections.abc import Callable

from flask import Response

from controllers.health import HealthController, Readiness
from routes.openapi.blueprint import Blueprint
from routes.schemas.health import HealthSchema, ReadinessSchema


def blueprint(health: HealthController, render: Callable[[], bytes], kind: str) -> Blueprint:
    """Build the blueprint, without prefix; `render` writes the metrics, `kind` is their type."""
    # Probes add parameters of their own.
    blp = Blueprint("health", __name__, description="Operation", takes_any_query=True)

    @blp.get("/health")
    @blp.response(200, HealthSchema)
    def get_health() -> dict[str, str]:
        """Tell that the process lives."""
        return {"status": "ok"}

    @blp.get("/ready")
    @blp.response(200, ReadinessSchema)
    @blp.alt_response(503, schema=ReadinessSchema, description="Send new work elsewhere.")
    def get_readiness() -> tuple[Readiness, int]:
        """Tell whether new work may be sent here: not while shutting down or without the store."""
        readiness = health.readiness()
        return readiness, 200 if readiness.is_ready else 503

    @blp.get("/metrics")
    @blp.response(
        200, {"type": "string"}, content_type="text/plain", description="Prometheus' text format."
    )
    def get_metrics() -> Response:
        """Give the figures of this server, over all its workers."""
        return Response(render(), content_type=kind)

    return blp

"""What a load balancer and a monitoring system ask."""

from collections.abc import Callable

from flask import Response

from controllers.health import HealthController, Readiness
from routes.hooks.monitoring import Monitoring
from routes.openapi.blueprint import Blueprint
from routes.schemas.health import HealthSchema, ReadinessSchema


def blueprint(
    health: HealthController, monitoring: Monitoring, render: Callable[[], bytes], kind: str
) -> Blueprint:
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
    def get_readiness() -> tuple[Readiness | dict[str, str], int]:
        """Tell whether new work may be sent here: not while shutting down or without the store.

        In production, and wherever there is a METRICS_TOKEN, only its bearer sees more than the
        status.
        """
        readiness = health.readiness()
        told = readiness if monitoring.is_watcher() else {"status": readiness.status}
        return told, 200 if readiness.is_ready else 503

    @blp.get("/metrics")
    @monitoring.required
    @blp.response(
        200, {"type": "string"}, content_type="text/plain", description="Prometheus' text format."
    )
    @blp.alt_response(401, response="UNAUTHORIZED")
    def get_metrics() -> Response:
        """Give the figures of this server, over all its workers.

        With METRICS_TOKEN, which production demands, only its bearer gets them.
        """
        return Response(render(), content_type=kind)

    return blp

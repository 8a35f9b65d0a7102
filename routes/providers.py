"""Providers and models."""

from controllers.providers import ProvidersController, ProvidersState
from routes.hooks.authentication import Guard
from routes.openapi import Blueprint
from routes.schemas.providers import ProvidersSchema


def blueprint(providers: ProvidersController, guard: Guard) -> Blueprint:
    """Build the blueprint."""
    blp = Blueprint("providers", __name__, description="Who answers")

    @blp.get("/providers")
    @guard.required
    @blp.response(200, ProvidersSchema)
    def list_providers() -> ProvidersState:
        """List which providers and models may be asked now, and what they can do."""
        return providers.state()

    return blp

"""Providers, models, and the tokens of a text."""

from collections.abc import Mapping, Sequence
from typing import Any

from controllers.providers import ListedModel, ProvidersController, ProvidersState, TokenCount
from routes.hooks.authentication import Guard
from routes.hooks.turns import TurnReader
from routes.openapi.blueprint import Blueprint, problems_doc
from routes.schemas.providers import (
    CountedTextSchema,
    ListedModelsSchema,
    ProvidersStateSchema,
    TokenCountSchema,
)
from services.domain.catalog import ModelChoice


def blueprint(providers: ProvidersController, guard: Guard, turns: TurnReader) -> Blueprint:
    """Build the blueprint."""
    blp = Blueprint("providers", __name__, description="Who answers")

    @blp.get("/providers")
    @guard.required
    @blp.response(200, ProvidersStateSchema)
    def list_providers() -> ProvidersState:
        """List who may be asked, what their models can do, and how they are just now."""
        return providers.state()

    @blp.get("/providers/<provider>/models")
    @guard.required
    @blp.response(200, ListedModelsSchema)
    @problems_doc(404)
    def list_models(provider: str) -> Mapping[str, Sequence[ListedModel]]:
        """List the models of a provider, and whether its own list has them just now.

        Where any name may be asked, the names of that list are here too.
        """
        return {"items": providers.models(provider)}

    @blp.post("/tokens/count")
    @guard.required
    @blp.arguments(CountedTextSchema, max_bytes=turns.max_body_bytes)
    @blp.response(200, TokenCountSchema)
    def count_tokens(body: Mapping[str, Any]) -> TokenCount:
        """Count the tokens of a message before it is sent; nobody is asked, nothing is used up."""
        turns.check_size("content", body["content"])
        choice = ModelChoice(body["provider"], body["model"])
        return providers.count_tokens(choice, body["content"], body["system_prompt"])

    return blp

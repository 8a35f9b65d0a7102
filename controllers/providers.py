"""Which providers and models may be asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """A configured provider; `any_model`: names that are not listed may be asked too."""

    name: str
    default: bool
    any_model: bool
    models: Sequence[Model]
    configured: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvidersState:
    """All providers, and who answers where a request names nobody."""

    providers: Sequence[ProviderState]
    default: ModelChoice


class ProvidersController:
    """Tells what the server offers."""

    def __init__(self, offers: Offers) -> None:
        """Take the offers."""
        self._offers = offers

    def state(self) -> ProvidersState:
        """List the configured providers in order of preference."""
        default = self._offers.default
        names = dict.fromkeys(model.provider for model in self._offers.models)
        return ProvidersState(
            providers=[self._provider(name) for name in names],
            default=ModelChoice(default.provider, default.name),
        )

    def _provider(self, name: str) -> ProviderState:
        models = [model for model in self._offers.models if model.provider == name]
        return ProviderState(
            name=name,
            default=name == self._offers.default.provider,
            any_model=any(model.name == ANY_MODEL for model in models),
            models=[model for model in models if model.name != ANY_MODEL],
        )

"""Which providers and models this server can ask, and their present state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.admission.breakers.base import Breakers, BreakerState
from services.admission.quotas.base import Quotas
from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers, Strategy, today
from services.domain.costs import UsageSource
from services.domain.errors.requests import NotFound
from services.providers.base import Provider
from services.providers.models.listed import ListedModels, lists
from services.providers.registry import DEMONSTRATIONS, VENDORS


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model, and the state of the circuit breaker that lets calls out to it."""

    model: Model
    breaker: BreakerState


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model, and whether its provider lists it; `listed` None: the list could not be read."""

    model: Model
    listed: bool | None


@dataclass(frozen=True, slots=True)
class LimitState:
    """How much a provider takes in a span of time, and how much of that is left."""

    limit: int
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLimits:
    """The limits of a provider; None: it has no limit of this kind."""

    requests: LimitState | None
    tokens: LimitState | None
    reset_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """A provider and its state; one that is not configured has no models.

    Models that have ended are left out, unless one of them answers by default.

    `any_model`: models that are not listed here may be named too. `healthy`: a call would go out
    to it now. `waiting`: the number of answers that wait for room at it.
    """

    name: str
    configured: bool
    default: bool
    any_model: bool
    healthy: bool
    models: Sequence[ModelState]
    limits: ProviderLimits | None
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvidersState:
    """All providers, and the model that answers where a request names none."""

    providers: Sequence[ProviderState]
    default: ModelChoice
    strategies: Sequence[Strategy]
    default_strategy: Strategy


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The tokens of a text as a model would count them, as exact as possible without a call."""

    tokens: int
    model: Model
    source: UsageSource = UsageSource.ESTIMATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What holds calls back from providers; `waiting` counts the answers that wait for one."""

    breakers: Breakers
    quotas: Quotas
    waiting: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class _Offered:
    """The named models of a provider, and the model that stands for any name."""

    named: Sequence[Model]
    any_model: Model | None

    @property
    def is_configured(self) -> bool:
        return bool(self.named) or self.any_model is not None


class ProvidersController:
    """Tells what the server offers."""

    def __init__(
        self,
        offers: Offers,
        providers: Mapping[str, Provider],
        protection: Protection,
        default_strategy: Strategy,
        default: Callable[[], Model],
    ) -> None:
        """Take the offers, their providers, what protects these, and how a model is chosen.

        `default` gives the model that would answer now where a request names none.
        """
        self._offers = offers
        self._providers = providers
        self._protection = protection
        self._default_strategy = default_strategy
        self._default = default
        self._listed = ListedModels(providers)
        told = [model.provider for model in offers.told]
        vendors = [name for name in VENDORS if name not in DEMONSTRATIONS or name in told]
        self._names = list(dict.fromkeys([*vendors, *told]))

    def state(self) -> ProvidersState:
        """List all providers in order of preference."""
        default = self._default()
        return ProvidersState(
            providers=[self._provider(name, default) for name in self._names],
            default=ModelChoice(default.provider, default.name),
            strategies=list(Strategy),
            default_strategy=self._default_strategy,
        )

    def models(self, provider: str) -> Sequence[ListedModel]:
        """List the models of a provider, and which of them its own list has; or raise NotFound.

        Models that have ended are left out, unless that list has them or they answer by default.
        Where the provider takes any name, the models that only its own list has come last.
        """
        if provider not in self._names and provider not in self._offers.untold:
            raise NotFound(f"There is no provider of this name. Known: {', '.join(self._names)}.")
        offered = self._offered(provider)
        if not offered.is_configured:
            return []
        there = self._listed.names(provider)
        shown = _shown(offered.named, self._default())
        listed = [
            ListedModel(one, None if there is None else lists(there, one.name))
            for one in offered.named
            if one in shown or lists(there or (), one.name)
        ]
        if offered.any_model is None or there is None:
            return listed
        known = {model.name for model in offered.named}
        further = [name for name in dict.fromkeys(there) if name not in known]
        return [
            *listed,
            *(ListedModel(replace(offered.any_model, name=name), listed=True) for name in further),
        ]

    def count_tokens(
        self, choice: ModelChoice, content: str, system_prompt: str | None
    ) -> TokenCount:
        """Count the tokens of a message and its system prompt, or raise ModelNotAvailable."""
        model = self._offers.pick(choice)
        count = self._providers[model.provider].count_tokens
        return TokenCount(count(content) + (count(system_prompt) if system_prompt else 0), model)

    def _offered(self, provider: str) -> _Offered:
        offered = [model for model in self._offers.models if model.provider == provider]
        named = [model for model in offered if model.name != ANY_MODEL]
        any_model = next((model for model in offered if model.name == ANY_MODEL), None)
        return _Offered(named, any_model)

    def _provider(self, name: str, default: Model) -> ProviderState:
        offered = self._offered(name)
        configured = offered.is_configured
        named = _shown(offered.named, default)
        return ProviderState(
            name=name,
            configured=configured,
            default=name == default.provider,
            any_model=offered.any_model is not None,
            healthy=configured and self._would_be_asked(name, named, default),
            models=[ModelState(one, self._breaker(one)) for one in named],
            limits=self._limits(name) if configured else None,
            waiting=self._protection.waiting(name) if configured else 0,
        )

    def _would_be_asked(self, provider: str, named: Sequence[Model], default: Model) -> bool:
        if provider != default.provider:
            if not named:
                return True
            default = named[0]
        return self._breaker(default) is not BreakerState.OPEN

    def _breaker(self, model: Model) -> BreakerState:
        return self._protection.breakers.state(model.provider, model.name)

    def _limits(self, provider: str) -> ProviderLimits | None:
        quota = self._protection.quotas.limits.get(provider)
        if quota is None or (quota.requests is None and quota.tokens is None):
            return None
        left = self._protection.quotas.left(provider)
        return ProviderLimits(
            requests=_limit(quota.requests, left.requests),
            tokens=_limit(quota.tokens, left.tokens),
            reset_seconds=left.reset_seconds,
        )


def _shown(named: Sequence[Model], default: Model) -> Sequence[Model]:
    """Leave out the models that have ended, unless one of them answers by default."""
    day = today()
    return [model for model in named if not model.has_ended(day) or model.is_same(default)]


def _limit(limit: int | None, remaining: int | None) -> LimitState | None:
    if limit is None or remaining is None:
        return None
    return LimitState(limit, remaining)

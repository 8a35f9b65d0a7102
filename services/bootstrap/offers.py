"""Which models may be asked, which answers by default, and which in place of others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.bootstrap.providers import build_providers
from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers, today
from services.domain.errors.requests import ModelNotAvailable
from services.providers.base import Provider
from services.providers.registry import DEMONSTRATIONS, ON_OWN_MACHINES, VENDORS
from services.settings.groups.providers import ProviderSettings
from services.settings.groups.vendors import Switch
from services.settings.whole import InvalidSettings, Settings
from services.telemetry.metrics import Metrics

NO_FAILOVER = "none"


@dataclass(frozen=True, slots=True)
class Asked:
    """The providers by name, and the models that they offer."""

    providers: Mapping[str, Provider]
    offers: Offers


def build(settings: Settings, metrics: Metrics) -> Asked:
    """Build the providers that are configured, and list the models that may be asked."""
    providers = build_providers(settings, metrics)
    return Asked(providers, build_offers(settings, providers))


def build_offers(settings: Settings, providers: Mapping[str, Provider]) -> Offers:
    """List what may be asked; raises InvalidSettings with every name that no provider offers."""
    given = settings.providers
    first = given.default_provider or next(iter(providers))
    models = _in_order(providers)
    untold = frozenset(_untold(given, providers))
    mistakes: dict[str, list[str]] = {}
    default = None
    try:
        default = _default(models, first, untold, given)
    except ModelNotAvailable as exc:
        if first in providers and (absence := providers[first].absence):
            mistakes[VENDORS[first].needs[0]] = [f"{absence} {_START_WITHOUT}"]
        else:
            mistakes["DEFAULT_MODEL"] = [exc.detail]
    if problems := list(_wrong_targets(settings, models, untold)):
        mistakes["FAILOVER"] = problems
    if default is None or mistakes:
        raise InvalidSettings(mistakes)
    # A name that several providers offer means the default provider's model.
    models.sort(key=lambda model: model.provider != default.provider)
    default_provider = given.default_provider or default.provider
    return Offers(models, default, default_provider, untold - {default.provider})


_START_WITHOUT = (
    "Start the server that answers there; or set DEFAULT_MODEL to one of its models, then this one"
    " starts without it."
)


def _in_order(providers: Mapping[str, Provider]) -> list[Model]:
    """List all models; of each provider, those that have ended come last."""
    day = today()
    return [
        model
        for provider in providers.values()
        for model in sorted(provider.models, key=lambda model: model.has_ended(day))
    ]


def _untold(given: ProviderSettings, providers: Mapping[str, Provider]) -> Iterator[str]:
    """Name the demonstrations that are there only for those who name them."""
    if providers.keys() <= DEMONSTRATIONS:
        return
    for name in DEMONSTRATIONS & providers.keys():
        if given.access[name].switch == Switch.AUTO:
            yield name


def _default(
    models: Sequence[Model], first: str, untold: frozenset[str], given: ProviderSettings
) -> Model:
    """Pick the default model; a name alone means the provider that offers it."""
    if given.default_model and models:
        known = Offers(models, models[0], first, untold)
        return known.pick(ModelChoice(given.default_provider, given.default_model))
    for model in models:
        if model.provider == first and model.name != ANY_MODEL:
            return model
    if first in ON_OWN_MACHINES:
        raise ModelNotAvailable(
            "It is needed where a local server answers: its models are its own."
        )
    raise ModelNotAvailable(f"It is needed: MODELS_FILE leaves {first} no model.")


def failover_chain(settings: Settings, offers: Offers) -> Sequence[ModelChoice] | None:
    """Give the models that answer in place of a failed one, in order; None: one of each provider.

    Raises InvalidSettings for names that no provider offers, as `build_offers` did before.
    """
    if problems := list(_wrong_targets(settings, offers.models, offers.untold)):
        raise InvalidSettings({"FAILOVER": problems})
    return None if settings.routing.failover is None else tuple(_targets(settings))


def _targets(settings: Settings) -> Iterator[ModelChoice]:
    for part in (settings.routing.failover or NO_FAILOVER).split(","):
        if part.strip() != NO_FAILOVER:
            provider, _, model = part.strip().partition("/")
            yield ModelChoice(provider, model or None)


def _wrong_targets(
    settings: Settings, models: Sequence[Model], untold: frozenset[str]
) -> Iterator[str]:
    """Tell which targets of FAILOVER no provider offers."""
    if not models:
        return
    offers = Offers(models, models[0], models[0].provider, untold)
    providers = {model.provider for model in models}
    for choice in _targets(settings):
        if choice.provider in DEMONSTRATIONS:
            yield f"{choice.provider} is a demonstration and answers for nobody else."
            continue
        if choice.model is None and choice.provider in providers:
            continue  # a local server may list its models later
        try:
            offers.pick(choice)
        except ModelNotAvailable as exc:
            yield exc.detail

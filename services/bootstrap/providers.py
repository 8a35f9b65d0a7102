"""Which providers there are, and which of their models may be asked: from settings to adapters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from services.domain.catalog import ANY_MODEL, Effort, Model, ModelChoice, Offers
from services.domain.errors.requests import ModelNotAvailable
from services.providers import registry
from services.providers.base import Provider
from services.providers.config import ProviderConfig, Timeouts
from services.providers.models.catalog import Catalog, InvalidModels
from services.providers.models.prices import price_of
from services.providers.registry import DEMONSTRATIONS, ON_OWN_MACHINES, VENDORS
from services.providers.spread import SpreadProvider
from services.settings.groups.providers import ProviderSettings
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


def build_providers(
    settings: Settings, metrics: Metrics, *, asks_local: bool = True
) -> dict[str, Provider]:
    """Build what is configured, in order of preference, and the providers that need no settings.

    A local server is asked for its models, if `asks_local`. Raises InvalidSettings if a file of
    models is wrong.
    """
    built: dict[str, Provider] = {
        name: adapters[0] if len(adapters) == 1 else SpreadProvider(adapters)
        for name, adapters in build_endpoints(settings, metrics).items()
    }
    for name, provider in built.items():
        if asks_local and name in ON_OWN_MACHINES:
            provider.discover()
    return built


def build_endpoints(settings: Settings, metrics: Metrics) -> dict[str, list[Provider]]:
    """Build an adapter for each configured key or server; no server is asked.

    Raises InvalidSettings if a file of models is wrong.
    """
    catalog = _catalog(settings)
    built: dict[str, list[Provider]] = {}
    for name in VENDORS:
        models = tuple(_models(settings, catalog, name))
        configs = _configs(settings, metrics, name, models)
        if adapters := [registry.build(config) for config in configs]:
            built[name] = adapters
    return built


def _catalog(settings: Settings) -> Catalog:
    try:
        return Catalog.load(settings.providers.models_file)
    except InvalidModels as exc:
        raise InvalidSettings({"MODELS_FILE": list(exc.mistakes)}) from exc


def _models(settings: Settings, catalog: Catalog, name: str) -> Iterator[Model]:
    """List the models of a configured provider, with what they cost today."""
    given = settings.providers
    if not given.endpoints(name):
        return
    for known in catalog.models_of(name):
        model = known.with_thinking(given.reasoning_allowance)
        yield model if model.price else replace(model, price=price_of(name, model.name))
    unlisted = catalog.unlisted(name)
    if unlisted and _names_go_unchecked(given):
        yield unlisted.with_thinking(given.reasoning_allowance)


def _names_go_unchecked(given: ProviderSettings) -> bool:
    """Tell whether a server that may have any model is configured."""
    has_address = (name for name, access in given.access.items() if access.base_url)
    return any(VENDORS[name].takes_any_model for name in has_address)


def _configs(
    settings: Settings, metrics: Metrics, name: str, models: Sequence[Model]
) -> Iterator[ProviderConfig]:
    given = settings.providers
    for endpoint in given.endpoints(name):
        yield ProviderConfig(
            kind=name,
            name=name,
            api_key=endpoint.api_key,
            base_url=endpoint.base_url,
            models=models,
            timeouts=Timeouts(
                connect_seconds=given.connect_timeout_seconds,
                read_seconds=given.read_timeout_seconds,
            ),
            effort=Effort(given.reasoning_effort),
            omit=given.omitted(name),
            on_ignored=partial(metrics.upstream_ignored, name),
        )


def build_offers(settings: Settings, providers: Mapping[str, Provider]) -> Offers:
    """List what may be asked; raises InvalidSettings with every name that no provider offers."""
    models = [model for provider in providers.values() for model in provider.models]
    given = settings.providers
    first = given.default_provider or next(iter(providers))
    mistakes: dict[str, list[str]] = {}
    default = None
    try:
        default = _default(models, first, settings)
    except ModelNotAvailable as exc:
        mistakes["DEFAULT_MODEL"] = [exc.detail]
    if problems := list(_wrong_targets(settings, models)):
        mistakes["FAILOVER"] = problems
    if default is None or mistakes:
        raise InvalidSettings(mistakes)
    # A name that several providers offer means the default provider's model.
    models.sort(key=lambda model: model.provider != default.provider)
    return Offers(models, default, given.default_provider or default.provider)


def _default(models: Sequence[Model], first: str, settings: Settings) -> Model:
    """Pick the default model; a name alone means the provider that offers it."""
    given = settings.providers
    if given.default_model:
        known = Offers(models, models[0], first)
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
    if problems := list(_wrong_targets(settings, offers.models)):
        raise InvalidSettings({"FAILOVER": problems})
    return None if settings.routing.failover is None else tuple(_targets(settings))


def _targets(settings: Settings) -> Iterator[ModelChoice]:
    for part in (settings.routing.failover or NO_FAILOVER).split(","):
        if part.strip() != NO_FAILOVER:
            provider, _, model = part.strip().partition("/")
            yield ModelChoice(provider, model or None)


def _wrong_targets(settings: Settings, models: Sequence[Model]) -> Iterator[str]:
    """Tell which targets of FAILOVER no provider offers."""
    offers = Offers(models, models[0], models[0].provider)
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

"""Which providers there are: from settings to adapters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from services.domain.catalog import Effort, Model
from services.providers import registry
from services.providers.base import Provider
from services.providers.config import ProviderConfig, Timeouts
from services.providers.models.catalog import Catalog, InvalidModels
from services.providers.models.prices import price_of
from services.providers.registry import ON_OWN_MACHINES, VENDORS
from services.providers.spread import SpreadProvider
from services.settings.groups.providers import ProviderSettings
from services.settings.whole import InvalidSettings, Settings
from services.telemetry.metrics import Metrics


def build_providers(
    settings: Settings, metrics: Metrics, *, asks_local: bool = True
) -> dict[str, Provider]:
    """Build what is configured, in order of preference, and the providers that need no settings.

    A local server is asked for its models, if `asks_local`. Raises InvalidSettings if a file of
    models is wrong.
    """
    built = joined(build_endpoints(settings, metrics))
    if asks_local:
        discover(built)
    return built


def joined(endpoints: Mapping[str, Sequence[Provider]]) -> dict[str, Provider]:
    """Make one provider of all adapters of a vendor."""
    return {
        name: adapters[0] if len(adapters) == 1 else SpreadProvider(adapters)
        for name, adapters in endpoints.items()
    }


def discover(providers: Mapping[str, Provider]) -> None:
    """Ask local servers for their models."""
    for name, provider in providers.items():
        if name in ON_OWN_MACHINES:
            provider.discover()


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

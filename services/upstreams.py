"""Which providers there are, and which of their models may be asked: settings in, adapters out."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from services.domain.catalog import ModelChoice, Offers
from services.domain.errors import ModelNotAvailable
from services.providers import registry
from services.providers.base import Provider
from services.providers.config import ProviderConfig, Timeouts
from services.settings import InvalidSettings, Settings
from services.telemetry.metrics import Metrics


def build_providers(settings: Settings, metrics: Metrics) -> dict[str, Provider]:
    """Build what is configured, in order of preference; `scripted` is always there, and last."""
    given = settings.providers
    timeouts = Timeouts(
        connect_seconds=given.connect_timeout_seconds, read_seconds=given.read_timeout_seconds
    )
    configs = []
    if given.openai_api_key or given.openai_base_url:
        openai = ProviderConfig(
            kind="openai",
            name="openai",
            api_key=given.openai_api_key or "",
            base_url=given.openai_base_url,
            timeouts=timeouts,
        )
        configs.append(openai)
    if given.local_base_url:
        local = ProviderConfig(
            kind="local", name="local", base_url=given.local_base_url, timeouts=timeouts
        )
        configs.append(local)
    configs.append(ProviderConfig(kind="scripted", name="scripted"))
    return {
        config.name: registry.build(
            replace(config, on_ignored=partial(metrics.upstream_ignored, config.name))
        )
        for config in configs
    }


def build_offers(settings: Settings, providers: Mapping[str, Provider]) -> Offers:
    """List what may be asked, or raise InvalidSettings for a default that nobody offers."""
    given = settings.providers
    models = [model for provider in providers.values() for model in provider.models]
    name = given.default_provider or next(iter(providers))
    first = next(model for model in models if model.provider == name)
    offers = Offers(models, first, name)
    try:
        default = offers.pick(ModelChoice(name, given.default_model))
    except ModelNotAvailable as exc:
        raise InvalidSettings({"DEFAULT_MODEL": [exc.detail]}) from exc
    return Offers(models, default, name)

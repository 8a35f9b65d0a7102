"""Reads the settings, and checks the names of models in them."""

import structlog

from services.bootstrap.named_models import endings
from services.bootstrap.offers import build_offers
from services.bootstrap.providers import build_providers
from services.domain.catalog import Offers, today
from services.providers.registry import ON_OWN_MACHINES
from services.settings.env_file import NAME as ENV_FILE
from services.settings.groups.providers import ProviderSettings
from services.settings.load import load_settings
from services.settings.safety import weak_secrets
from services.settings.whole import InvalidSettings, Mistakes, Settings, variables
from services.telemetry import logs
from services.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)


def checked_settings() -> Settings:
    """Read all settings, log as they say, and check the names of models in them.

    The log warns of each secret that production would refuse, and of each model that answers by
    default or is named, and has ended or ends soon.
    Raises InvalidSettings, which tells every mistake.
    """
    try:
        settings = load_settings()
    except InvalidSettings as exc:
        raise InvalidSettings({**exc.mistakes, **_wrong_names(exc)}) from exc
    _configure_logs(settings)
    for found in weak_secrets(settings):
        _log.warning("weak_secret", variable=found.variable, told=found.problem)
    for ending in endings(settings, _checked_offers(settings), today()):
        model = ending.named.model
        _log.warning(
            "model_ends",
            provider=model.provider,
            model=model.name,
            ends=str(ending.ends),
            days=ending.days,
            told=str(ending),
        )
    return settings


def _wrong_names(known: InvalidSettings) -> Mistakes:
    """Check the names too, unless a mistake in the providers' settings may make them wrong."""
    settings = known.settings
    declared = variables([ProviderSettings])
    providers = {name for variable in declared for name in (variable.name, variable.also)}
    if settings is None or (providers | {ENV_FILE}) & known.mistakes.keys():
        return {}
    _configure_logs(settings)
    try:
        _checked_offers(settings)
    except InvalidSettings as exc:
        return dict(exc.mistakes)
    return {}


def _configure_logs(settings: Settings) -> None:
    logs.configure(settings.logs.level, settings.logs.format or "json")


def _checked_offers(settings: Settings) -> Offers:
    """Build the offers; raise InvalidSettings for names of models that no provider offers.

    A local server is asked for its models only where its answer may make a name right.
    """
    try:
        return build_offers(settings, build_providers(settings, Metrics(), asks_local=False))
    except InvalidSettings:
        if not any(settings.providers.endpoints(name) for name in ON_OWN_MACHINES):
            raise
        return build_offers(settings, build_providers(settings, Metrics()))

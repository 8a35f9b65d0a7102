"""Settings that contradict each other, or with which no server can start."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from services.providers.models.catalog import Catalog, InvalidModels
from services.providers.registry import DEMONSTRATIONS, VENDORS
from services.settings.groups.providers import ProviderSettings
from services.settings.groups.scaling import ScalingSettings
from services.settings.safety import unsafe
from services.settings.whole import Contradiction, Settings


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """Give each variable that cannot be as it is beside the others, and why."""
    yield from unsafe(settings)
    yield from _impossible(settings.scaling)
    yield from _too_slow(settings)
    yield from _unusable_folder(settings.server.data_dir)
    providers, accounts = settings.providers, settings.accounts
    if providers.retry_min_seconds > providers.retry_max_seconds:
        yield Contradiction("RETRY_MIN_SECONDS", "It is more than RETRY_MAX_SECONDS.")
    if accounts.access_token_seconds > accounts.refresh_token_seconds:
        yield Contradiction("ACCESS_TOKEN_SECONDS", "It is more than REFRESH_TOKEN_SECONDS.")
    if settings.max_connections <= settings.limits.max_streams:
        yield Contradiction("MAX_CONNECTIONS", "It is not more than MAX_STREAMS.")
    yield from _unclear_providers(providers)


def _unclear_providers(providers: ProviderSettings) -> Iterator[Contradiction]:
    missing = set()
    for name, vendor in VENDORS.items():
        try:
            if not providers.endpoints(name):
                missing.add(name)
        except ValueError as exc:
            yield Contradiction(vendor.needs[-1], f"It has {exc} in {vendor.needs[0]}.")
    if providers.default_provider in missing:
        needs = " or ".join(VENDORS[providers.default_provider].needs)
        yield Contradiction("DEFAULT_PROVIDER", f"{providers.default_provider} needs {needs}.")
    if missing == VENDORS.keys():
        for name in DEMONSTRATIONS:
            yield Contradiction(
                VENDORS[name].switch,
                "It is off, and no provider is configured: set OPENAI_API_KEY, or what .env.example"
                " names for another one.",
            )
    if providers.models_file is None:
        return  # the shipped catalog is read where it is used
    try:
        Catalog.load(providers.models_file)
    except InvalidModels as exc:
        yield from (Contradiction("MODELS_FILE", mistake) for mistake in exc.mistakes)


def _impossible(scaling: ScalingSettings) -> Iterator[Contradiction]:
    """Name each variable that is missing or too much for one of the three combinations."""
    if scaling.supabase_url and not scaling.supabase_key:
        yield Contradiction("SUPABASE_KEY", "It is not set, but SUPABASE_URL is.")
    if scaling.supabase_key and not scaling.supabase_url:
        yield Contradiction("SUPABASE_URL", "It is not set, but SUPABASE_KEY is.")
    if scaling.redis_url and not scaling.supabase_url:
        yield Contradiction(
            "REDIS_URL",
            "Redis shares the streams of workers that share a database: set SUPABASE_URL and "
            "SUPABASE_KEY too, or remove it.",
            beside=["SUPABASE_URL"],
        )
    if scaling.workers > 1 and not scaling.redis_url:
        yield Contradiction(
            "WEB_CONCURRENCY",
            "Several workers need REDIS_URL to share their streams: a reader may be on another "
            "worker than the answer. One worker serves thousands of streams.",
            beside=["REDIS_URL"],
        )


def _too_slow(settings: Settings) -> Iterator[Contradiction]:
    scaling = settings.scaling
    if not scaling.is_embedded and scaling.worker_dead_seconds < 2 * settings.beat_seconds:
        yield Contradiction(
            "WORKER_DEAD_SECONDS",
            (
                f"A worker beats every {settings.beat_seconds:g} seconds (BEAT_SECONDS): at less "
                "than twice that it would be taken for dead between two beats."
            ),
        )


def _unusable_folder(folder: Path) -> Iterator[Contradiction]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as exc:
        yield Contradiction("DATA_DIR", f"{folder} cannot be written to: {exc.strerror}.")

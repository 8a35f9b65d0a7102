"""Settings that contradict each other, or that nothing can be started with."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from services.providers.models.catalog import Catalog, InvalidModels
from services.providers.registry import VENDORS
from services.settings import rules
from services.settings.groups.providers import ProviderSettings
from services.settings.groups.scaling import ScalingSettings
from services.settings.whole import Settings


def contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Give each variable that cannot be as it is beside the others, and why."""
    yield from _unsafe(settings)
    yield from _impossible(settings.scaling)
    yield from _too_slow(settings)
    yield from _unusable_folder(settings.server.data_dir)
    providers, accounts = settings.providers, settings.accounts
    if providers.retry_min_seconds > providers.retry_max_seconds:
        yield "RETRY_MIN_SECONDS", "It is more than RETRY_MAX_SECONDS."
    if accounts.access_token_seconds > accounts.refresh_token_seconds:
        yield "ACCESS_TOKEN_SECONDS", "It is more than REFRESH_TOKEN_SECONDS."
    yield from _unclear_providers(providers)


def _unclear_providers(providers: ProviderSettings) -> Iterator[tuple[str, str]]:
    for name, vendor in VENDORS.items():
        try:
            is_missing = not providers.endpoints(name)
        except ValueError as exc:
            yield vendor.needs[-1], f"It has {exc} in {vendor.needs[0]}."
        else:
            if is_missing and providers.default_provider == name:
                yield "DEFAULT_PROVIDER", f"{name} needs {' or '.join(vendor.needs)}."
    if providers.models_file is None:
        return  # the shipped catalog is read by who builds of it
    try:
        Catalog.load(providers.models_file)
    except InvalidModels as exc:
        yield from (("MODELS_FILE", mistake) for mistake in exc.mistakes)


def _impossible(scaling: ScalingSettings) -> Iterator[tuple[str, str]]:
    """Name what of the three combinations is missing or too much."""
    if scaling.supabase_url and not scaling.supabase_key:
        yield "SUPABASE_KEY", "It is not set, but SUPABASE_URL is."
    if scaling.supabase_key and not scaling.supabase_url:
        yield "SUPABASE_URL", "It is not set, but SUPABASE_KEY is."
    if scaling.redis_url and not scaling.supabase_url:
        yield (
            "REDIS_URL",
            (
                "Redis shares the streams of workers that share a database: set SUPABASE_URL and "
                "SUPABASE_KEY too, or remove it."
            ),
        )
    if scaling.workers > 1 and not scaling.redis_url:
        yield (
            "WEB_CONCURRENCY",
            (
                "Several workers need REDIS_URL to share their streams: a reader may be on another "
                "worker than the answer. One worker serves thousands of streams."
            ),
        )


def _too_slow(settings: Settings) -> Iterator[tuple[str, str]]:
    scaling = settings.scaling
    if not scaling.is_embedded and scaling.worker_dead_seconds < 2 * settings.beat_seconds:
        yield (
            "WORKER_DEAD_SECONDS",
            (
                f"A worker beats every {settings.beat_seconds:g} seconds (BEAT_SECONDS): at less "
                "than twice that it would be taken for dead between two beats."
            ),
        )


def _unsafe(settings: Settings) -> Iterator[tuple[str, str]]:
    secret = settings.accounts.jwt_secret_key
    if secret and secret == settings.scaling.supabase_jwt_secret:
        yield (
            "JWT_SECRET_KEY",
            ("It is the secret of the Supabase project: each could make the other's tokens."),
        )
    if not settings.server.is_production:
        return
    if not secret:
        yield "JWT_SECRET_KEY", "It is not set, and nothing is made up in production."
    elif problem := rules.is_weak_secret(secret):
        yield "JWT_SECRET_KEY", problem
    if "null" in (settings.server.cors_origins or ()):
        yield "CORS_ORIGINS", "null is every page from a file or a sandbox: development only."


def _unusable_folder(folder: Path) -> Iterator[tuple[str, str]]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as exc:
        yield "DATA_DIR", f"{folder} cannot be written to: {exc.strerror}."

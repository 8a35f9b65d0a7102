"""Settings that would open a server to everybody: refused in production, told in development."""

from collections.abc import Iterator

from services.settings.weak_secrets import is_published_key, weakness
from services.settings.whole import Contradiction, Settings


def unsafe(settings: Settings) -> Iterator[Contradiction]:
    """Name each variable that no server may start with."""
    yield from _shared_secrets(settings)
    if not settings.server.is_production:
        return
    if not settings.accounts.jwt_secret_key:
        yield Contradiction(
            "JWT_SECRET_KEY", "It is not set, and nothing is made up in production."
        )
    if "null" in (settings.server.cors_origins or ()):
        yield Contradiction(
            "CORS_ORIGINS", "null is every page from a file or a sandbox: development only."
        )
    yield from weak_secrets(settings)


def weak_secrets(settings: Settings) -> Iterator[Contradiction]:
    """Name each secret that others know or can guess; production takes none of them."""
    for variable, secret in _secrets(settings).items():
        if problem := weakness(secret):
            yield Contradiction(variable, problem)
    key = settings.scaling.supabase_key
    if key and is_published_key(key):
        yield Contradiction(
            "SUPABASE_KEY",
            "This key is published: the project has the secret of Supabase's guides or of its CLI. "
            "Give the project secrets of its own.",
        )


def _shared_secrets(settings: Settings) -> Iterator[Contradiction]:
    secrets = _secrets(settings)
    ours, theirs = secrets.get("JWT_SECRET_KEY"), secrets.get("SUPABASE_JWT_SECRET")
    if ours and ours == theirs:
        yield Contradiction(
            "JWT_SECRET_KEY",
            "It is the secret of the Supabase project: each could make the other's tokens.",
        )
    if settings.server.metrics_token in {ours, theirs, settings.scaling.supabase_key} - {None}:
        yield Contradiction(
            "METRICS_TOKEN", "It is another secret too, which the monitoring would then know."
        )


def _secrets(settings: Settings) -> dict[str, str]:
    """Give the secrets that people choose, by variable; those that are not set are left out."""
    given = {
        "JWT_SECRET_KEY": settings.accounts.jwt_secret_key,
        "SUPABASE_JWT_SECRET": settings.scaling.supabase_jwt_secret,
        "METRICS_TOKEN": settings.server.metrics_token,
    }
    return {variable: secret for variable, secret in given.items() if secret}

"""Fills in what is not set, by the kind of environment."""

from dataclasses import replace

from marshmallow import ValidationError

from services.settings import secrets_file
from services.settings.groups.server import LogFormat
from services.settings.whole import InvalidSettings, Settings, flat

DEVELOPMENT_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*")
"""Pages that developers serve on their own machine.

Not `null`, which is every page opened from a file, and every frame that some web page puts into a
sandbox: whoever wants it names it.
"""


def completed(settings: Settings) -> Settings:
    """Fill in what is not set and depends on the kind of environment."""
    server, accounts, scaling = settings.server, settings.accounts, settings.scaling
    if server.cors_origins is None:
        server = replace(server, cors_origins=() if server.is_production else DEVELOPMENT_ORIGINS)
    if scaling.supabase_anonymous is None:
        scaling = replace(scaling, supabase_anonymous=not server.is_production)
    if not accounts.jwt_secret_key:
        try:
            secret = secrets_file.made_once(server.data_dir, "jwt_secret_key")
        except ValidationError as exc:
            raise InvalidSettings({"JWT_SECRET_KEY": flat(exc.messages)}) from exc
        accounts = replace(accounts, jwt_secret_key=secret)
    return replace(settings, server=server, accounts=accounts, scaling=scaling)


def with_log_format(settings: Settings) -> Settings:
    """Choose the format of the log where none is set."""
    if settings.logs.format:
        return settings
    chosen = LogFormat.JSON if settings.server.is_production else LogFormat.CONSOLE
    return replace(settings, logs=replace(settings.logs, format=chosen.value))

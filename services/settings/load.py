"""Reads every setting, checks them all, and tells all mistakes at once.

The only place that reads the environment. The variables are declared in `groups`, each beside the
field that holds its value.
"""

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from environs import Env, EnvValidationError

from services.settings.checks import contradictions
from services.settings.completion import completed, with_log_format
from services.settings.env_file import NAME as ENV_FILE
from services.settings.env_file import EnvFile
from services.settings.variables import Family, Variable
from services.settings.whole import (
    GROUPS,
    InvalidSettings,
    Mistakes,
    Settings,
    declaration_of,
    flat,
)

Group = TypeVar("Group")

HOME = Path(__file__).resolve().parents[2]
"""The project's folder."""

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
"""Each may be written in small letters too."""


def load_settings(environ: Mapping[str, str] | None = None, home: Path = HOME) -> Settings:
    """Read and check all settings, or raise InvalidSettings, which tells every mistake.

    Without `environ` it reads the process' environment, which wins over a file `.env` in `home`;
    relative paths begin there too, wherever a command is called. An empty variable counts as unset.
    `DATA_DIR` is made where it is missing, and in development the secrets in it.
    """
    file = EnvFile()
    if environ is None:
        file = EnvFile.read(home / ENV_FILE, os.environ)  # noqa: TID251 - the place
        environ = file.below(os.environ)  # noqa: TID251 - the same
    else:
        home = Path()
    env = _Environment(environ)
    settings = with_log_format(
        Settings(**{name: _read(group, env) for name, group in GROUPS.items()})
    )
    settings = _beginning_at(home, settings)
    unread = env.mistakes()
    mistakes = {name: [*texts] for name, texts in unread.items()}
    if file.mistakes:
        mistakes[ENV_FILE] = file.mistakes
    for found in contradictions(settings):
        if not unread.keys() & {found.variable, *found.beside}:
            mistakes.setdefault(found.variable, []).append(found.problem)
    if mistakes:
        raise InvalidSettings(mistakes, settings)
    return completed(settings)


def figures_slot() -> int | None:
    """Give the slot that `services.telemetry.figure_files` gave this worker; None: it has none."""
    slot = os.environ.get("FIGURES_SLOT")  # noqa: TID251 - the place
    return int(slot) if slot else None


class ServerEnvironment(NamedTuple):
    """The environment of gunicorn, and the names that were left out of it."""

    kept: dict[str, str]
    left_out: list[str]


def environment_of_server() -> ServerEnvironment:
    """Give the environment without what gunicorn would take from it before our settings."""
    environ = dict(os.environ)  # noqa: TID251 - the place
    left_out = sorted(name for name in environ if name.startswith("GUNICORN_"))
    kept = {name: value for name, value in environ.items() if name not in left_out}
    return ServerEnvironment(kept, left_out)


def unused_proxies(environ: Mapping[str, str] | None = None) -> str | None:
    """Say that a proxy which the environment names is not used; None: it names none."""
    given = os.environ if environ is None else environ  # noqa: TID251 - the place
    named = [name for name in _PROXIES if given.get(name) or given.get(name.lower())]
    if not named or "*" in (given.get("NO_PROXY") or given.get("no_proxy") or ""):
        return None
    return (
        f"{' and '.join(named)} {'is' if len(named) == 1 else 'are'} set, and not used: calls to "
        "providers, to Supabase and to Redis go out directly. Where only a proxy leads out, set "
        "OPENAI_BASE_URL and its like to a gateway; NO_PROXY=* ends this line."
    )


class _Environment(Env):
    """environs over a given mapping."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._given = given

    def _get_value(self, env_key: str, default: Any) -> Any:
        return self._given.get(env_key, "").strip() or default

    def has(self, name: str) -> bool:
        """Tell whether a variable is set."""
        return self._get_value(name, None) is not None

    def read(self, variable: Variable) -> object:
        """Read a variable; one that cannot be taken is a mistake, and its default here."""
        parse = getattr(self, variable.kind)
        name = variable.also if variable.also and not self.has(variable.name) else variable.name
        value = parse(name, variable.default, validate=variable.check)
        if isinstance(value, list):
            value = tuple(part.strip() for part in value)
        return variable.default if value is None else value

    def mistakes(self) -> Mistakes:
        """Close the reading and tell what went wrong, by variable."""
        try:
            self.seal()
        except EnvValidationError as exc:
            found = exc.error_messages
            if not isinstance(found, Mapping):
                raise TypeError("environs reports by variable") from exc
            return {name: flat(messages) for name, messages in found.items()}
        return {}


def _beginning_at(home: Path, settings: Settings) -> Settings:
    """Let relative paths begin at a folder; those in the working directory stay short."""
    if home == Path.cwd():
        return settings
    server, providers = settings.server, settings.providers
    file = providers.models_file
    return replace(
        settings,
        server=replace(server, data_dir=home / server.data_dir),
        providers=replace(providers, models_file=file and str(home / file)),
    )


def _read(group: type[Group], env: _Environment) -> Group:
    """Read a group; where a value is not valid, `env` notes a mistake and the default is used."""
    values: dict[str, object] = {}
    for field in fields(group):  # type: ignore[arg-type]  # GROUPS holds dataclasses only
        declared = declaration_of(field)
        values[field.name] = (
            declared.read(env.read) if isinstance(declared, Family) else env.read(declared)
        )
    return group(**values)

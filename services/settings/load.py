"""Reads every setting, checks them all, and tells all mistakes at once.

The only place that reads the environment. The variables are declared in `groups`, each beside the
field that holds its value.
"""

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from environs import Env, EnvValidationError

from services.settings.checks import contradictions
from services.settings.completion import completed, with_log_format
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

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
"""Each may be written in small letters too."""


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings, or raise InvalidSettings, which tells every mistake.

    Without `environ` it reads the process' environment, which wins over a `.env` file in the
    working directory. An empty variable counts as unset. `DATA_DIR` is made where it is missing,
    and in development the secrets in it.
    """
    env = _Environment(os.environ if environ is None else environ)  # noqa: TID251 - the place
    if environ is None:
        env.read_env(".env", recurse=False)
    settings = with_log_format(
        Settings(**{name: _read(group, env) for name, group in GROUPS.items()})
    )
    mistakes = env.mistakes()
    for name, problem in contradictions(settings):
        mistakes.setdefault(name, []).append(problem)
    if mistakes:
        raise InvalidSettings(mistakes, settings)
    return completed(settings)


def figures_slot() -> int | None:
    """Give the slot that `services.telemetry.figure_files` gave this worker; None: it has none."""
    slot = os.environ.get("FIGURES_SLOT")  # noqa: TID251 - the place
    return int(slot) if slot else None


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
    """environs over a given mapping, which goes before what was read from a file."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._given = given

    def _get_value(self, env_key: str, default: Any) -> Any:
        value = self._given.get(env_key) or self._environ.get(env_key) or ""
        return value.strip() or default

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


def _read(group: type[Group], env: _Environment) -> Group:
    """Read a group; where a value is not valid, `env` notes a mistake and the default is used."""
    values: dict[str, object] = {}
    for field in fields(group):  # type: ignore[arg-type]  # GROUPS holds dataclasses only
        declared = declaration_of(field)
        values[field.name] = (
            declared.read(env.read) if isinstance(declared, Family) else env.read(declared)
        )
    return group(**values)

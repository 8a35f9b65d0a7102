"""Every setting: read from the environment, checked whole, told whole.

The only place that reads the environment. The variables are declared in `services.configuration`,
each beside the field that holds its value.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from environs import Env, EnvValidationError
from marshmallow import ValidationError

from services.configuration import rules, secrets_file
from services.configuration.accounts import AccountSettings
from services.configuration.limits import LimitSettings
from services.configuration.providers import ProviderName, ProviderSettings
from services.configuration.routing import RoutingSettings
from services.configuration.runs import RunSettings
from services.configuration.scaling import ScalingSettings
from services.configuration.server import LogFormat, LogSettings, ServerSettings
from services.configuration.variables import Variable
from services.providers.catalog import Catalog, InvalidModels

Group = TypeVar("Group")
Mistakes = dict[str, list[str]]

GROUPS: Mapping[str, type] = {
    "server": ServerSettings,
    "scaling": ScalingSettings,
    "logs": LogSettings,
    "accounts": AccountSettings,
    "limits": LimitSettings,
    "providers": ProviderSettings,
    "routing": RoutingSettings,
    "runs": RunSettings,
}

DEVELOPMENT_ORIGINS = ("null", "http://localhost:*", "http://127.0.0.1:*")
"""A page opened from a file, and whatever a developer serves on the own machine."""


class InvalidSettings(Exception):
    """The environment is not one to start with; the message has one line for each mistake.

    `settings` are what could be read, with the default for each value that cannot be taken.
    """

    def __init__(
        self, mistakes: Mapping[str, list[str]], settings: "Settings | None" = None
    ) -> None:
        """Write for each variable what is wrong and what it takes."""
        known = {name: one for one in variables() for name in (one.name, one.also)}
        lines = [
            f"  {name}: {problem} Expected: {known[name].expects}."
            for name, problems in sorted(mistakes.items())
            for problem in problems
        ]
        super().__init__("\n".join(["The settings are not valid:", *lines]))
        self.mistakes = mistakes
        self.settings = settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a server; `Settings()` holds the defaults, without a secret."""

    server: ServerSettings = field(default_factory=ServerSettings)
    scaling: ScalingSettings = field(default_factory=ScalingSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    accounts: AccountSettings = field(default_factory=AccountSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    providers: ProviderSettings = field(default_factory=ProviderSettings)
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    runs: RunSettings = field(default_factory=RunSettings)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read and check all settings, or raise InvalidSettings that tells every mistake.

        Without `environ`: the process' environment, which wins over a `.env` file in the working
        directory. An empty variable counts as unset. `DATA_DIR` is made where it is missing, and
        in development the secrets in it.
        """
        env = _Environment(os.environ if environ is None else environ)  # noqa: TID251 - the place
        if environ is None:
            env.read_env(".env", recurse=False)
        settings = _with_log_format(
            cls(**{name: _read(group, env) for name, group in GROUPS.items()})
        )
        mistakes = env.mistakes()
        for name, problem in _contradictions(settings):
            mistakes.setdefault(name, []).append(problem)
        if mistakes:
            raise InvalidSettings(mistakes, settings)
        return _completed(settings)

    @property
    def beat_seconds(self) -> float:
        """Give the pace of the beat: as it is set, else at which a crash loses next to nothing."""
        if self.runs.beat_seconds is not None:
            return self.runs.beat_seconds
        if self.scaling.is_embedded:
            return 0.5
        return 5 if self.scaling.redis_url else 1


def figures_slot() -> int | None:
    """Tell where this worker counts, as `services.telemetry.figure_files` gave it; None: alone."""
    slot = os.environ.get("FIGURES_SLOT")  # noqa: TID251 - the place
    return int(slot) if slot else None


def variables(groups: Iterable[type] = tuple(GROUPS.values())) -> Iterator[Variable]:
    """List every variable of the groups, in the order in which they are documented."""
    for group in groups:
        yield from (_variable_of(declared) for declared in fields(group))


class _Environment(Env):
    """environs over a given mapping, before what was read from a file."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._given = given

    def _get_value(self, env_key: str, default: Any) -> Any:
        value = self._given.get(env_key) or self._environ.get(env_key) or ""
        return value.strip() or default

    def has(self, name: str) -> bool:
        """Tell whether a variable is set."""
        return self._get_value(name, None) is not None

    def mistakes(self) -> Mistakes:
        """Close the reading and tell what went wrong, by variable."""
        try:
            self.seal()
        except EnvValidationError as exc:
            found = exc.error_messages
            if not isinstance(found, Mapping):
                raise TypeError("environs reports by variable") from exc
            return {name: _flat(messages) for name, messages in found.items()}
        return {}


def _read(group: type[Group], env: _Environment) -> Group:
    """Read a group; a value that cannot be taken is a mistake in `env` and its default here."""
    values = {}
    for declared in fields(group):  # type: ignore[arg-type]  # GROUPS holds dataclasses only
        variable = _variable_of(declared)
        parse = getattr(env, variable.kind)
        name = variable.also if variable.also and not env.has(variable.name) else variable.name
        value = parse(name, variable.default, validate=variable.check)
        if isinstance(value, list):
            value = tuple(part.strip() for part in value)
        values[declared.name] = variable.default if value is None else value
    return group(**values)


def _contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
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


NEEDS = {
    ProviderName.GEMINI: ("GOOGLE_AI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
    ProviderName.OPENAI: ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
    ProviderName.ANTHROPIC: ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    ProviderName.LOCAL: ("LOCAL_BASE_URL",),
}
"""What configures a provider, either of them; its addresses last."""


def _unclear_providers(providers: ProviderSettings) -> Iterator[tuple[str, str]]:
    for name, needs in NEEDS.items():
        try:
            is_missing = not providers.endpoints(name)
        except ValueError as exc:
            yield needs[-1], f"It has {exc} in {needs[0]}."
        else:
            if is_missing and providers.default_provider == name:
                yield "DEFAULT_PROVIDER", f"{name} needs {' or '.join(needs)}."
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


def _completed(settings: Settings) -> Settings:
    """Fill in what depends on the kind of environment."""
    server, accounts = settings.server, settings.accounts
    if server.cors_origins is None:
        server = replace(server, cors_origins=() if server.is_production else DEVELOPMENT_ORIGINS)
    if not accounts.jwt_secret_key:
        try:
            secret = secrets_file.made_once(server.data_dir, "jwt_secret_key")
        except ValidationError as exc:
            raise InvalidSettings({"JWT_SECRET_KEY": _flat(exc.messages)}) from exc
        accounts = replace(accounts, jwt_secret_key=secret)
    return replace(settings, server=server, accounts=accounts)


def _with_log_format(settings: Settings) -> Settings:
    if settings.logs.format:
        return settings
    chosen = LogFormat.JSON if settings.server.is_production else LogFormat.CONSOLE
    return replace(settings, logs=replace(settings.logs, format=chosen.value))


def _variable_of(declared: Any) -> Variable:
    variable = declared.metadata["variable"]
    if not isinstance(variable, Variable):
        raise TypeError(f"{declared.name} is not declared as a variable")
    return variable


def _flat(messages: Any) -> list[str]:
    """Put nested messages (a list's are by index) into one list."""
    if isinstance(messages, str):
        return [messages]
    if isinstance(messages, Mapping):
        messages = list(messages.values())
    return [text for part in messages for text in _flat(part)]

"""All settings of a server as one value, and the error that tells what is wrong with them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from services.domain.users import RegistrationPolicy
from services.settings.groups.accounts import AccountSettings
from services.settings.groups.connections import ConnectionSettings
from services.settings.groups.limits import LimitSettings
from services.settings.groups.providers import ProviderSettings
from services.settings.groups.routing import RoutingSettings
from services.settings.groups.runs import RunSettings
from services.settings.groups.scaling import ScalingSettings
from services.settings.groups.server import LogSettings, ServerSettings
from services.settings.groups.storage import StorageSettings
from services.settings.variables import Family, Variable

Mistakes = dict[str, list[str]]


GROUPS: Mapping[str, type] = {
    "server": ServerSettings,
    "scaling": ScalingSettings,
    "logs": LogSettings,
    "accounts": AccountSettings,
    "limits": LimitSettings,
    "storage": StorageSettings,
    "connections": ConnectionSettings,
    "providers": ProviderSettings,
    "routing": RoutingSettings,
    "runs": RunSettings,
}


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A variable that cannot be as it is, and why; `beside` names those that it follows from.

    It says nothing where one of those could not be read itself.
    """

    variable: str
    problem: str
    beside: Sequence[str] = ()


class InvalidSettings(Exception):
    """No server can start with this environment; the message has one line for each mistake.

    `settings` holds what could be read, and the default for each value that is not valid.
    """

    def __init__(
        self, mistakes: Mapping[str, list[str]], settings: "Settings | None" = None
    ) -> None:
        """Write what is wrong with each variable, or with their file, and what is expected."""
        known = {name: one for one in variables() for name in (one.name, one.also)}
        lines = [
            f"  {name}: {problem}" + _expected(known.get(name))
            for name, problems in sorted(mistakes.items())
            for problem in problems
        ]
        super().__init__("\n".join(["The settings are not valid:", *lines]))
        self.mistakes = mistakes
        self.settings = settings


def _expected(variable: Variable | None) -> str:
    return f" Expected: {variable.expects}." if variable else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a server; `Settings()` holds the defaults, without a secret."""

    server: ServerSettings = field(default_factory=ServerSettings)
    scaling: ScalingSettings = field(default_factory=ScalingSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    accounts: AccountSettings = field(default_factory=AccountSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    connections: ConnectionSettings = field(default_factory=ConnectionSettings)
    providers: ProviderSettings = field(default_factory=ProviderSettings)
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    runs: RunSettings = field(default_factory=RunSettings)

    @property
    def registration(self) -> RegistrationPolicy:
        """Tell who may register: as set, else nobody where Supabase Auth has the users."""
        if self.accounts.registration is not None:
            return RegistrationPolicy(self.accounts.registration)
        is_elsewhere = self.server.is_production and not self.scaling.is_embedded
        return RegistrationPolicy.OFF if is_elsewhere else RegistrationPolicy.OPEN

    @property
    def max_connections(self) -> int:
        """Give the connections of a worker: as set, else room for all streams and more."""
        return self.connections.max_connections or 2 * self.limits.max_streams + 1000

    @property
    def network_share(self) -> float:
        """Give the part of all places that a network may hold alone; 1: all of them."""
        return self.connections.network_share if self.limits.enabled else 1

    @property
    def beat_seconds(self) -> float:
        """Give the seconds between beats: as set, else so few that a crash loses very little."""
        if self.runs.beat_seconds is not None:
            return self.runs.beat_seconds
        if self.scaling.is_embedded:
            return 0.5
        return 5 if self.scaling.redis_url else 1


def variables(groups: Iterable[type] = tuple(GROUPS.values())) -> Iterator[Variable]:
    """List every variable of the groups, in the order in which they are documented."""
    for group in groups:
        for declared in map(declaration_of, fields(group)):
            yield from declared.variables() if isinstance(declared, Family) else (declared,)


def declaration_of(declared: Any) -> Variable | Family:
    """Give the variable, or the family of them, that a field of a group was declared with."""
    variable = declared.metadata["variable"]
    if not isinstance(variable, Variable | Family):
        raise TypeError(f"{declared.name} is not declared as a variable")
    return variable


def flat(messages: Any) -> list[str]:
    """Put nested messages (those of a list are keyed by index) into one list."""
    if isinstance(messages, str):
        return [messages]
    if isinstance(messages, Mapping):
        messages = list(messages.values())
    return [text for part in messages for text in flat(part)]

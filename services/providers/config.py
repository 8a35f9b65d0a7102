"""The part of the configuration that an adapter gets: plain values, no settings."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from services.domain.catalog import Effort, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a provider may take to accept a connection, and between two reads."""

    connect_seconds: float = 5.0
    read_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderConfig:
    """One configured provider.

    `kind` chooses the adapter, `name` is what clients see; several providers may be of one kind.
    `base_url` None: the vendor's own server. A server that asks for no key has an empty `api_key`.
    `models` are what it offers, its default first. `effort` is for models that reason. `on_ignored`
    is called for each thing in an answer that the adapter does not know and ignores. `omit` names
    the fields that are never sent.
    """

    kind: str
    name: str
    api_key: str = field(default="", repr=False)
    base_url: str | None = None
    models: Sequence[Model] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    effort: Effort = Effort.LOW
    omit: Collection[str] = ()
    on_ignored: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)

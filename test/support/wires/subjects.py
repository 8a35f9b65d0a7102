"""The providers that must keep the one contract, each with a server that plays along."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wires.calls import Outcome, collect, provider_of, request_to
from wires.fixtures import WireServer
from wires.sent_requests import READERS, Sent
from wires.steps import TEXT

from services.domain.catalog import Model
from services.domain.events import ProviderEvent
from services.providers.base import Provider
from services.providers.spread import SpreadProvider

FORMATS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "local": "openai",
}
"""The vendors that are called over a wire, and the format that each speaks."""

KINDS = tuple(FORMATS)
WIRES = (*(f"{kind}-wire" for kind in KINDS), "spread-wire")
AIMOCKS = ("openai-aimock", "anthropic-aimock", "gemini-aimock")
EVERY = ("scripted", *WIRES, *AIMOCKS)

SCRIPT = {
    "plain": f"/slow 0 /echo {TEXT}",
    "reasoning": f"/reasoning /slow 0 /echo {TEXT}",
    "empty": "/empty",
    "filter": "/filter /slow 0",
    "fails": "/fail before",
    "fails-later": "/fail during /slow 0",
    "rate-limited": "/fail rate_limited",
    "stall": "/stall /slow 0",
    "cut": "/cut /slow 0",
}
WIRE_MODELS = {
    "fails": "status-503",
    "fails-later": "error-later",
    "unauthorized": "status-401",
    "unknown": "no-such-model",
}
"""Scenarios that have another name on the wire."""

ANTHROPIC_MODELS = {"filter": "refusal"}
"""aimock sends the reason of a fixture unchanged."""

WIRE_SCENARIOS = (
    *("plain", "reasoning", "empty", "length", "filter", "fails", "fails-later"),
    *("rate-limited", "stall", "cut", "unauthorized", "unknown"),
)
AIMOCK_SCENARIOS = (
    *("plain", "reasoning", "length", "filter", "fails", "rate-limited", "cut"),
    *("unauthorized", "unknown"),
)


@dataclass
class Subject:
    """A provider, and how to make it behave: `scenarios` gives a message or a model for each.

    `kind` names the vendor, `endpoints` how many it has, `wire` the server that saw what came.
    """

    kind: str
    provider: Provider
    scenarios: Mapping[str, str] = field(default_factory=dict)
    endpoints: int = 1
    wire: WireServer | None = None

    def open(self, scenario: str, **fields: Any) -> Generator[ProviderEvent, None, None]:
        """Begin the call of a scenario, which is not read yet."""
        told = self.scenarios.get(scenario, scenario)
        if self.kind == "scripted":
            return self.provider.stream(request_to(self.provider, told, **fields))
        return self.provider.stream(request_to(self.provider, model=told, **fields))

    def ask(self, scenario: str, **fields: Any) -> Outcome:
        """Make the call of a scenario and read it to its end."""
        return collect(self.open(scenario, **fields))

    def ask_all(self, scenario: str) -> Outcome:
        """Make a call for each endpoint, and give the outcome of the last."""
        return [self.ask(scenario) for _ in range(self.endpoints)][-1]

    def sent(self, **fields: Any) -> Sent:
        """Make a call, and give what the wire server got."""
        self.ask("plain", **fields)
        return self.last_sent()

    def last_sent(self) -> Sent:
        """Give what the wire server got last."""
        assert self.wire is not None
        return READERS[FORMATS[self.kind]](self.wire.seen()["last"])


def model_of(kind: str, **fields: Any) -> Model:
    """Make a model that can do everything, unless told otherwise."""
    given: dict[str, Any] = {"window": 100_000, "max_output": 10_000, "sees": True} | fields
    return Model(provider=kind, name="plain", **given)


def scenarios_of(name: str) -> Sequence[str]:
    """List what a subject can be made to do."""
    if name == "scripted":
        return tuple(SCRIPT)
    return WIRE_SCENARIOS if name in WIRES else AIMOCK_SCENARIOS


def subject_of(name: str, server: Callable[[str], Any]) -> Subject:
    """Build a subject; `server` gives the running `wire` or `aimock`."""
    kind, _, where = name.partition("-")
    if kind == "scripted":
        return Subject(kind, provider_of("scripted"), SCRIPT)
    if where == "aimock":
        provider = _built(kind, server("aimock").removesuffix("/v1"))
        return Subject(kind, provider, ANTHROPIC_MODELS if kind == "anthropic" else {})
    wire: WireServer = server("wire")
    if kind == "spread":
        both = [_built("openai", wire.url), _built("openai", wire.url)]
        return Subject("openai", SpreadProvider(both), WIRE_MODELS, len(both), wire)
    return Subject(kind, _built(kind, wire.url), WIRE_MODELS, wire=wire)


def _built(kind: str, root: str) -> Provider:
    return provider_of(kind, base_url_of(kind, root), models=(model_of(kind),))


def base_url_of(kind: str, root: str) -> str:
    """Give the base URL for a vendor's SDK: OpenAI's has the version in it."""
    return f"{root}/v1" if FORMATS[kind] == "openai" else root

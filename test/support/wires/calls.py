"""Calls of providers, and their outcomes."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from services.domain.costs import Usage
from services.domain.errors.upstream import ProviderError
from services.domain.events import Content, Finish, ProviderEvent, Reasoning, UsageReport
from services.domain.runs import ContextMessage
from services.domain.sessions import FinishReason, MessageRole
from services.providers.base import Provider, ProviderRequest
from services.providers.config import ProviderConfig, Timeouts
from services.providers.models.catalog import Catalog
from services.providers.registry import build

KEY = "sk-test-0123456789"
QUICK = Timeouts(connect_seconds=2, read_seconds=0.4)


@dataclass
class Outcome:
    """All events of a call, and the error that ended it."""

    events: list[ProviderEvent] = field(default_factory=list)
    error: ProviderError | None = None

    @property
    def text(self) -> str:
        """The pieces, joined."""
        return "".join(e.content for e in self.events if isinstance(e, Content))

    @property
    def thoughts(self) -> str:
        """The pieces of the reasoning, joined."""
        return "".join(e.content for e in self.events if isinstance(e, Reasoning))

    @property
    def usage(self) -> Usage | None:
        """The last report."""
        reports = [e.usage for e in self.events if isinstance(e, UsageReport)]
        return reports[-1] if reports else None

    @property
    def reasons(self) -> list[FinishReason]:
        """All reasons; a good answer has exactly one."""
        return [e.reason for e in self.events if isinstance(e, Finish)]

    @property
    def failure(self) -> ProviderError:
        """The error of a call that must have failed."""
        assert self.error is not None
        return self.error

    @property
    def ending(self) -> str:
        """The finish reason, or the error's code."""
        return self.error.code if self.error else str(*self.reasons)


def provider_of(
    kind: str, base_url: str | None = None, api_key: str = KEY, **more: Any
) -> Provider:
    """Build a provider of the models that are known without its settings.

    Its timeouts are short unless others are given.
    """
    given: dict[str, Any] = {"models": known_models().models_of(kind), "timeouts": QUICK} | more
    return build(ProviderConfig(kind=kind, name=kind, api_key=api_key, base_url=base_url, **given))


@cache
def known_models() -> Catalog:
    """Read the shipped catalog, once."""
    return Catalog.load()


def request_to(
    provider: Provider, text: str = "Hello", model: str | None = None, **fields: Any
) -> ProviderRequest:
    """Make a request with one message."""
    chosen = provider.models[0]
    messages: Sequence[ContextMessage] = [ContextMessage(MessageRole.USER, text)]
    given: dict[str, Any] = {"system_prompt": None, "temperature": 0.5, "max_tokens": 1000}
    return ProviderRequest(
        model=replace(chosen, name=model or chosen.name),
        **({"messages": messages} | given | fields),
    )


def collect(stream: Generator[ProviderEvent, None, None]) -> Outcome:
    """Read a stream to its end."""
    outcome = Outcome()
    try:
        for event in stream:
            outcome.events.append(event)
    except ProviderError as error:
        outcome.error = error
    return outcome


def ask(
    provider: Provider, text: str = "Hello", model: str | None = None, **fields: Any
) -> Outcome:
    """Make a call and read it to its end."""
    return collect(provider.stream(request_to(provider, text, model, **fields)))

"""What the providers' own lists of models say at present."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

import gevent
import structlog

from services.domain.errors.upstream import ProviderError
from services.providers.base import Provider

_log = structlog.get_logger(__name__)


_VERSION = re.compile(r"-[0-9]{8}|-[0-9]{4}-[0-9]{2}-[0-9]{2}|:latest", re.ASCII)
"""What stands behind a name in a list that has the version in place of the model."""


def lists(names: Iterable[str], model: str) -> bool:
    """Tell whether a list has a model: by its name, or as that of its newest version.

    Anthropic lists `claude-haiku-4-5-20251001` for `claude-haiku-4-5`, and Ollama `phi4:latest` for
    `phi4`.
    """
    return any(
        name == model or (name.startswith(model) and _VERSION.fullmatch(name, len(model)))
        for name in names
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTimes:
    """How long a request waits for a list, a list is kept, a provider without a list rests."""

    patience_seconds: float = 3.0
    keep_seconds: float = 60.0
    retry_seconds: float = 5.0


class ListedModels:
    """Asks each provider now and then, once for all requests that wait for its list."""

    def __init__(self, providers: Mapping[str, Provider], times: ListTimes | None = None) -> None:
        """Ask no provider yet."""
        self._providers = providers
        self._times = times or ListTimes()
        self._asked: dict[str, gevent.Greenlet[[str], Sequence[str] | None]] = {}
        self._stale_at: dict[str, float] = {}

    def names(self, provider: str) -> Sequence[str] | None:
        """Give the names of a configured provider's list; None: it gave none, or not in time.

        A list that comes too late is there for requests that come after it.
        """
        asked = self._asked.get(provider)
        if asked is None or (asked.ready() and monotonic() >= self._stale_at.get(provider, 0.0)):
            asked = self._asked[provider] = gevent.spawn(self._ask, provider)
        asked.join(self._times.patience_seconds)
        return asked.value

    def _ask(self, name: str) -> Sequence[str] | None:
        names: Sequence[str] | None = None
        try:
            names = tuple(self._providers[name].list_models())
        except ProviderError as exc:
            _log.info("models_not_listed", provider=name, code=exc.code)
        times = self._times
        keep = times.retry_seconds if names is None else times.keep_seconds
        self._stale_at[name] = monotonic() + keep
        return names

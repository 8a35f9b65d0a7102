"""A server with OpenAI's protocol on the operator's own machine: Ollama, llama.cpp, vLLM.

It is asked for its models, because only it knows which models are there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog

from services.domain.catalog import ANY_MODEL, Model
from services.domain.errors.upstream import ProviderError
from services.providers.config import ProviderConfig
from services.providers.openai.provider import OpenAIProvider

WINDOW = 8_192
"""If a server does not tell: what most of these models take, and a small machine can hold."""

DISCOVERY_SECONDS = 2.0
"""A list is there at once; the start of this server should not wait for one that hangs."""

_NO_CHAT = ("embed", "rerank")
"""In the names of models that write no answers, and that such servers list among the others."""

_MOST_TOKENS = 2**31 - 1

_log = structlog.get_logger(__name__)


class LocalProvider(OpenAIProvider):
    """Offers what the server lists, and takes any other name unchecked.

    What the configuration says of a model takes precedence over what the server says of it.
    """

    def __init__(self, config: ProviderConfig) -> None:
        """Know only the models of the configuration, until `discover` has asked."""
        super().__init__(config)
        self.models = self._offered(())

    def discover(self) -> Sequence[Model]:
        """Ask the server for its models, and give `models`, whether it answers or not.

        The server is given the time to connect and then two seconds. If it is away, or its answer
        cannot be understood, a line in the log tells it, and the models known before stay.
        """
        seconds = min(DISCOVERY_SECONDS, self._config.timeouts.read_seconds)
        try:
            self._learn_models(self._loaded().listed(seconds))
        except ProviderError as exc:
            self.absence = exc.detail
            _log.warning(
                "local_models_unknown", provider=self.name, code=exc.code, reason=exc.detail
            )
        return self.models

    def list_models(self) -> Sequence[str]:
        """Ask for the list, and offer what is on it from now on."""
        listed = self._loaded().listed()
        self._learn_models(listed)
        return [told["id"] for told in listed]

    def _learn_models(self, listed: Sequence[Mapping[str, Any]]) -> None:
        self.models, self.absence = self._offered(listed), None

    def _offered(self, listed: Iterable[Mapping[str, Any]]) -> Sequence[Model]:
        offered = {model.name: model for model in self._config.models}
        any_model = offered.pop(ANY_MODEL, None) or _model(self.name, ANY_MODEL, WINDOW)
        for told in listed:
            name = told["id"]
            if not any(word in name.lower() for word in _NO_CHAT):
                offered.setdefault(name, _model(self.name, name, _window_of(told)))
        return (*offered.values(), any_model)


def _model(provider: str, name: str, window: int) -> Model:
    return Model(provider=provider, name=name, window=window, max_output=max(1, window // 2))


def _window_of(told: Mapping[str, Any]) -> int:
    """Read vLLM's `max_model_len`, or llama.cpp's `n_ctx`, or what its model was trained for."""
    meta = told.get("meta")
    inner: Mapping[str, Any] = meta if isinstance(meta, dict) else {}
    known = (told.get("max_model_len"), inner.get("n_ctx"), inner.get("n_ctx_train"))
    return next((n for n in known if type(n) is int and 0 < n <= _MOST_TOKENS), WINDOW)

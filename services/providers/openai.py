"""OpenAI, and every server that speaks its chat completions (Ollama, llama.cpp, vLLM, proxies)."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from services.domain.catalog import ANY_MODEL, Model
from services.domain.costs import estimate_tokens
from services.domain.events import ProviderEvent
from services.providers.base import Provider, ProviderRequest
from services.providers.config import ProviderConfig

if TYPE_CHECKING:
    from services.providers.openai_client import OpenAIClient


class OpenAIProvider(Provider):
    """Asks for chat completions; the SDK is loaded by `warm_up`, or else by the first call."""

    def __init__(self, config: ProviderConfig) -> None:
        """Keep the configuration; nothing is loaded and nothing connected."""
        self.name = config.name
        self.models = models_of(config)
        self._config = config
        self._client: OpenAIClient | None = None

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        """Ask, and yield the answer as it comes."""
        from services.providers.openai_chunks import (  # noqa: PLC0415 - loaded with the SDK
            OpenAIAnswer,
        )
        from services.providers.sse_answer import read_answer  # noqa: PLC0415 - the same

        answer = OpenAIAnswer(self._config.api_key, self._config.on_ignored)
        with self._loaded().open(arguments_of(self._config, request)) as body:
            yield from read_answer(body, answer)

    def count_tokens(self, text: str) -> int:
        """Estimate: the real count comes with the answer."""
        return estimate_tokens(text)

    def list_models(self) -> Sequence[str]:
        """Ask for the list, which costs nothing."""
        return self._loaded().model_names()

    def warm_up(self) -> None:
        """Load the SDK and build its client."""
        self._loaded()

    def close(self) -> None:
        """Give back the connections; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _loaded(self) -> "OpenAIClient":
        if self._client is None:
            from services.providers.openai_client import (  # noqa: PLC0415 - takes a second
                OpenAIClient,
            )

            # While this one imported, another greenlet may have built the client.
            self._client = self._client or OpenAIClient(self._config)
        return self._client


def arguments_of(config: ProviderConfig, request: ProviderRequest) -> dict[str, Any]:
    """Make the body of a chat completion."""
    messages = [{"role": str(m.role), "content": m.content} for m in request.messages]
    if request.system_prompt:
        messages.insert(0, {"role": "system", "content": request.system_prompt})
    # OpenAI's reasoning models know only the new name, many compatible servers only the old one.
    limit = "max_tokens" if config.base_url else "max_completion_tokens"
    arguments: dict[str, Any] = {
        "model": request.model.name,
        "messages": messages,
        "stream_options": {"include_usage": True},
        limit: request.max_tokens,
    }
    if request.model.takes_temperature:
        arguments["temperature"] = request.temperature
    return arguments


def models_of(config: ProviderConfig) -> Sequence[Model]:
    """List the models, the default first; limits as OpenAI's model pages give them.

    A server with a base URL may know any other name: ANY_MODEL stands for those. A local one is
    not expected to know OpenAI's.
    """
    own = config.name

    def gpt(name: str, window: int, max_output: int, *, reasons: bool = False) -> Model:
        return Model(
            provider=own,
            name=name,
            window=window,
            max_output=max_output,
            takes_temperature=not reasons,  # reasoning models refuse any but the default
            reasons=reasons,
        )

    any_name = gpt(ANY_MODEL, 128_000, 16_384)
    if config.kind == "local":
        return (any_name,)
    named = (
        gpt("gpt-4.1-mini", 1_047_576, 32_768),
        gpt("gpt-4.1", 1_047_576, 32_768),
        gpt("gpt-5-mini", 400_000, 128_000, reasons=True),
        gpt("gpt-5", 400_000, 128_000, reasons=True),
        gpt("gpt-4o-mini", 128_000, 16_384),
    )
    return (*named, any_name) if config.base_url else named

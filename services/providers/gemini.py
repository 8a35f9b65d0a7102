"""Google's Gemini, and every server that speaks its `generateContent`."""

from base64 import b64encode
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from services.domain.events import ProviderEvent
from services.domain.runs import ContextMessage
from services.domain.sessions import MessageRole
from services.providers import tokens
from services.providers.base import Provider, ProviderRequest
from services.providers.config import ProviderConfig
from services.providers.sdk_loading import sdk_loading

if TYPE_CHECKING:
    from services.providers.gemini_client import GeminiClient

_ROLES = {MessageRole.USER: "user", MessageRole.ASSISTANT: "model"}


class GeminiProvider(Provider):
    """Asks for streamed content; the SDK is loaded by `warm_up`, or else by the first call."""

    def __init__(self, config: ProviderConfig) -> None:
        """Keep the configuration; nothing is loaded and nothing connected."""
        self.name = config.name
        self.models = config.models
        self._config = config
        self._client: GeminiClient | None = None

    def stream(self, request: ProviderRequest) -> Generator[ProviderEvent, None, None]:
        """Ask, and yield the answer as it comes."""
        from services.providers.gemini_chunks import (  # noqa: PLC0415 - loaded with the SDK
            GeminiAnswer,
            read_gemini,
        )

        arguments = arguments_of(self._config, request)
        with self._loaded().open(request.model.name, arguments) as body:
            answer = GeminiAnswer(self._config.api_key, self._config.on_ignored, body)
            yield from read_gemini(body, answer)

    def count_tokens(self, text: str) -> int:
        """Estimate with OpenAI's vocabulary: Google publishes its own only for the old models."""
        return tokens.count(text)

    def list_models(self) -> Sequence[str]:
        """Ask for the list, which costs nothing."""
        return self._loaded().model_names()

    def warm_up(self) -> None:
        """Load the SDK and the tokenizer, and build the client."""
        self._loaded()
        tokens.warm_up()

    def close(self) -> None:
        """Give back the connections; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _loaded(self) -> "GeminiClient":
        if self._client is None:
            with sdk_loading("google.genai", self.name):
                from services.providers.gemini_client import (  # noqa: PLC0415 - takes a second
                    GeminiClient,
                )

                # While this one imported, another greenlet may have built the client.
                self._client = self._client or GeminiClient(self._config)
        return self._client


def arguments_of(config: ProviderConfig, request: ProviderRequest) -> dict[str, Any]:
    """Make the body of a request for content."""
    model = request.model
    settings: dict[str, Any] = {"maxOutputTokens": request.max_tokens}
    if model.takes_temperature:
        settings["temperature"] = min(request.temperature, model.max_temperature)
    if model.reasons:
        level = config.effort.value.upper()
        settings["thinkingConfig"] = {"includeThoughts": True, "thinkingLevel": level}
    arguments: dict[str, Any] = {
        "contents": [
            _content_of(message) for message in request.messages if not _is_blank(message)
        ],
        "generationConfig": settings,
    }
    if request.system_prompt:
        arguments["systemInstruction"] = {"parts": [{"text": request.system_prompt}]}
    return arguments


def _is_blank(message: ContextMessage) -> bool:
    """Tell an answer that Gemini would refuse the whole conversation for.

    Two user messages in a row are fine.
    """
    return message.role is MessageRole.ASSISTANT and not message.content.strip()


def _content_of(message: ContextMessage) -> dict[str, Any]:
    """Put the images before the text, where Gemini sees them best."""
    parts: list[dict[str, Any]] = [
        {"inlineData": {"mimeType": image.media_type, "data": b64encode(image.data).decode()}}
        for image in message.images
    ]
    if message.content or not parts:
        parts.append({"text": message.content})
    return {"role": _ROLES[message.role], "parts": parts}

"""Google's Gemini, and every server that speaks its `generateContent`."""

from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from services.domain.events import ProviderEvent
from services.domain.runs import ContextMessage
from services.domain.sessions import MessageRole
from services.providers.base import ProviderRequest
from services.providers.config import ProviderConfig
from services.providers.gemini.fields import FIELDS
from services.providers.sdk.provider import AnswerReader, Asked, SdkProvider

if TYPE_CHECKING:
    from services.providers.gemini.client import GeminiClient
    from services.providers.wire.transport import ResponseBody

_ROLES = {MessageRole.USER: "user", MessageRole.ASSISTANT: "model"}


class GeminiProvider(SdkProvider["GeminiClient"]):
    """Asks for streamed content; the SDK is loaded by `warm_up`, or else by the first call."""

    sdk = "google.genai"
    fields = FIELDS

    def _reader(self) -> AnswerReader:
        from services.providers.gemini.events import (  # noqa: PLC0415 - loaded with the SDK
            GeminiAnswer,
        )
        from services.providers.wire.sse_answer import read_answer  # noqa: PLC0415 - the same

        def read(body: "ResponseBody") -> Iterator[ProviderEvent]:
            answer = GeminiAnswer(self._config.api_key, self._config.on_ignored, body)
            return read_answer(body, answer)

        return read

    def _body(self, request: ProviderRequest) -> dict[str, Any]:
        return arguments_of(self._config, request)

    def _asked(self, model: str, body: dict[str, Any]) -> Asked:
        return self._loaded().open(model, body)

    def _imported(self) -> "type[GeminiClient]":
        from services.providers.gemini.client import GeminiClient  # noqa: PLC0415 - takes a second

        return GeminiClient


def arguments_of(config: ProviderConfig, request: ProviderRequest) -> dict[str, Any]:
    """Make the body of a request for content."""
    model = request.model
    settings: dict[str, Any] = {"maxOutputTokens": request.output_limit}
    if model.takes_temperature:
        settings["temperature"] = min(request.temperature, model.max_temperature)
    if model.reasons:
        level = config.effort.value.upper()
        settings["thinkingConfig"] = {"includeThoughts": True, "thinkingLevel": level}
    arguments: dict[str, Any] = {
        "contents": [_content_of(message) for message in request.messages],
        "generationConfig": settings,
    }
    if request.system_prompt:
        arguments["systemInstruction"] = {"parts": [{"text": request.system_prompt}]}
    return arguments


def _content_of(message: ContextMessage) -> dict[str, Any]:
    """Put the images before the text, as Gemini sees them best there."""
    parts: list[dict[str, Any]] = [
        {"inlineData": {"mimeType": image.media_type, "data": b64encode(image.data).decode()}}
        for image in message.images
    ]
    if message.content.strip() or not parts:
        parts.append({"text": message.content})
    return {"role": _ROLES[message.role], "parts": parts}

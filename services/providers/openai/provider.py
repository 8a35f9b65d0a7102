"""OpenAI, and every server that speaks its chat completions."""

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from services.domain.catalog import Model
from services.domain.runs import ContextMessage
from services.providers.base import ProviderRequest
from services.providers.config import ProviderConfig
from services.providers.openai.fields import FIELDS
from services.providers.sdk.provider import AnswerReader, Asked, SdkProvider

if TYPE_CHECKING:
    from services.providers.openai.client import OpenAIClient


class OpenAIProvider(SdkProvider["OpenAIClient"]):
    """Asks for chat completions; the SDK is loaded by `warm_up`, or else by the first call."""

    sdk = "openai"
    fields = FIELDS

    def _reader(self) -> AnswerReader:
        from services.providers.openai.events import (  # noqa: PLC0415 - loaded with the SDK
            OpenAIAnswer,
        )
        from services.providers.wire.sse_answer import read_answer  # noqa: PLC0415 - the same

        answer = OpenAIAnswer(self._config.api_key, self._config.on_ignored)
        return lambda body: read_answer(body, answer)

    def _body(self, request: ProviderRequest) -> dict[str, Any]:
        return arguments_of(self._config, request)

    def _asked(self, model: str, body: dict[str, Any]) -> Asked:  # noqa: ARG002 - it is in the body
        return self._loaded().open(body)

    def _imported(self) -> "type[OpenAIClient]":
        from services.providers.openai.client import OpenAIClient  # noqa: PLC0415 - takes a second

        return OpenAIClient


def arguments_of(config: ProviderConfig, request: ProviderRequest) -> dict[str, Any]:
    """Make the body of a chat completion."""
    messages: list[dict[str, Any]]
    messages = [{"role": str(m.role), "content": _content_of(m)} for m in request.messages]
    if request.system_prompt:
        messages.insert(0, {"role": "system", "content": request.system_prompt})
    # OpenAI's reasoning models know only the new name, many compatible servers only the old one.
    limit = "max_tokens" if config.base_url else "max_completion_tokens"
    arguments: dict[str, Any] = {
        "model": request.model.name,
        "messages": messages,
        "stream_options": {"include_usage": True},
        limit: request.output_limit,
    }
    if request.model.takes_temperature:
        arguments["temperature"] = request.temperature
    if _takes_effort(config, request.model):
        arguments["reasoning_effort"] = config.effort.value
    return arguments


def _takes_effort(config: ProviderConfig, model: Model) -> bool:
    """Tell whether OpenAI's catalog has the model and says that it reasons.

    Any other name may belong to a server that refuses a field that it does not know.
    """
    is_listed = any(model.name == one.name for one in config.models)
    return model.reasons and is_listed and config.kind == "openai"


def _content_of(message: ContextMessage) -> object:
    """Put the images after the text, each as a URL that contains it."""
    if not message.images:
        return message.content
    parts: list[dict[str, Any]] = []
    if message.content.strip():
        parts.append({"type": "text", "text": message.content})
    for image in message.images:
        url = f"data:{image.media_type};base64,{b64encode(image.data).decode()}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts

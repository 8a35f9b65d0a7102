"""Anthropic, and every server that speaks its Messages."""

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from services.domain.runs import ContextMessage, Image
from services.providers.anthropic.fields import FIELDS
from services.providers.base import ProviderRequest
from services.providers.config import ProviderConfig
from services.providers.sdk.provider import AnswerReader, Asked, SdkProvider

if TYPE_CHECKING:
    from services.providers.anthropic.client import AnthropicClient


class AnthropicProvider(SdkProvider["AnthropicClient"]):
    """Asks for messages; the SDK is loaded by `warm_up`, or else by the first call."""

    sdk = "anthropic"
    fields = FIELDS

    def _reader(self) -> AnswerReader:
        from services.providers.anthropic.events import (  # noqa: PLC0415 - loaded with the SDK
            AnthropicAnswer,
        )
        from services.providers.wire.sse_answer import read_answer  # noqa: PLC0415 - the same

        answer = AnthropicAnswer(self._config.api_key, self._config.on_ignored)
        return lambda body: read_answer(body, answer)

    def _body(self, request: ProviderRequest) -> dict[str, Any]:
        return arguments_of(self._config, request)

    def _asked(self, model: str, body: dict[str, Any]) -> Asked:  # noqa: ARG002 - it is in the body
        return self._loaded().open(body)

    def _imported(self) -> "type[AnthropicClient]":
        from services.providers.anthropic.client import AnthropicClient  # noqa: PLC0415 - takes a second

        return AnthropicClient


def arguments_of(config: ProviderConfig, request: ProviderRequest) -> dict[str, Any]:
    """Make the body of a request for a message."""
    arguments: dict[str, Any] = {
        "model": request.model.name,
        "max_tokens": request.output_limit,
        "messages": [_written(message) for message in request.messages],
    }
    if request.system_prompt:
        arguments["system"] = request.system_prompt
    if request.model.takes_temperature:
        arguments["temperature"] = min(request.temperature, request.model.max_temperature)
    if request.model.reasons:
        # These models think anyway, and do not show it unless asked to.
        arguments["thinking"] = {"type": "adaptive", "display": "summarized"}
        arguments["output_config"] = {"effort": config.effort.value}
    return arguments


def _written(message: ContextMessage) -> dict[str, Any]:
    role = str(message.role)
    if not message.images:
        return {"role": role, "content": message.content}
    # Anthropic's models see images best before the text, and refuse a message without a text.
    blocks = [_picture(image) for image in message.images]
    if message.content.strip():
        blocks.append({"type": "text", "text": message.content})
    return {"role": role, "content": blocks}


def _picture(image: Image) -> dict[str, Any]:
    data = b64encode(image.data).decode()
    source = {"type": "base64", "media_type": image.media_type, "data": data}
    return {"type": "image", "source": source}

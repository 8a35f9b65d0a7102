"""The OpenAI SDK: it shapes and signs the request and judges the status; we read the bytes.

The only file that imports the SDK. It is itself imported when first needed: that takes a second.
"""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import httpx2
import msgspec
import openai
from openai.types.chat import ChatCompletionChunk

from services.providers.config import ProviderConfig
from services.providers.sdk.errors import timeout_of
from services.providers.sdk.stainless import (
    NO_KEY,
    SdkErrors,
    StainlessClient,
    read_listing,
)

OFFICIAL_URL = "https://api.openai.com/v1"


class _Listing(msgspec.Struct):
    data: list[dict[str, Any]]


_ERRORS = SdkErrors(
    openai.APIStatusError, openai.APITimeoutError, openai.APIConnectionError, openai.OpenAIError
)


class OpenAIClient(StainlessClient):
    """One SDK client for all calls of a provider."""

    logger = "openai"

    def __init__(self, config: ProviderConfig) -> None:
        """Build the client; nothing is connected before the first call."""
        super().__init__(config, _ERRORS)
        self._sdk = _Sdk(config, self._http)
        # The first look at these runs `uname` in a process of its own: not in the first request.
        self._sdk.platform_headers()

    def _ask(self, arguments: dict[str, Any]) -> httpx2.Response:
        return self._post("/chat/completions", {"stream": True, **arguments})

    def _post_by_sdk(
        self, path: str, body: dict[str, Any], headers: Mapping[str, str]
    ) -> httpx2.Response:
        stream = self._sdk.post(
            path,
            cast_to=ChatCompletionChunk,
            body=body,
            options={"headers": dict(headers)},
            stream=True,
            stream_cls=openai.Stream[ChatCompletionChunk],
        )
        return stream.response

    def listed(self, read_seconds: float | None = None) -> list[dict[str, Any]]:
        """List the models that the key may use, each with its `id`; all errors are ProviderErrors.

        `read_seconds`: how long the server may be silent, if that is less than usual.
        """
        seconds = read_seconds or self._timeouts.read_seconds
        timeout = httpx2.Timeout(seconds, connect=self._timeouts.connect_seconds)
        with self._mapped_errors():
            response = self._sdk.get(
                "/models", cast_to=httpx2.Response, options={"timeout": timeout}
            )
        models = read_listing(response.content, _Listing).data
        return [model for model in models if model.get("id") and isinstance(model["id"], str)]

    def model_names(self) -> list[str]:
        """List only the names of the models."""
        return [model["id"] for model in self.listed()]

    def embeddings(self, body: dict[str, Any]) -> bytes:
        """Ask for vectors of texts, and give the raw answer; all errors are ProviderErrors."""
        with self._mapped_errors(), closing(self._post("/embeddings", body)) as response:
            return response.read()


class _Sdk(openai.OpenAI):
    """The SDK's client, given every setting: it reads nothing that matters from the environment."""

    def __init__(self, config: ProviderConfig, http: httpx2.Client) -> None:
        super().__init__(
            api_key=config.api_key or NO_KEY,
            base_url=config.base_url or OFFICIAL_URL,
            max_retries=0,
            timeout=timeout_of(config.timeouts),
            http_client=http,
            webhook_secret="",
        )
        # The SDK reads these from the environment, and no argument keeps it from that.
        self.organization = self.project = self.admin_api_key = None
        # In place of the SDK's own headers, which include OPENAI_CUSTOM_HEADERS.
        self._custom_headers = {"Accept-Encoding": "identity"}  # compressed pieces come late

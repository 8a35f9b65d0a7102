"""The Anthropic SDK: it shapes and signs the request and judges the status; we read the bytes.

The only file that imports the SDK. It is itself imported when first needed: that takes over a
second.
"""

from collections.abc import Mapping
from typing import Any

import anthropic
import httpx2
import msgspec
from anthropic.types import RawMessageStreamEvent

from services.providers.config import ProviderConfig
from services.providers.sdk.errors import timeout_of
from services.providers.sdk.stainless import (
    NO_KEY,
    SdkErrors,
    StainlessClient,
    read_listing,
)

OFFICIAL_URL = "https://api.anthropic.com"
MODELS_A_PAGE = 1000  # the most that a page may have, and many more than there are

VERSION_WITH_TEMPERATURE = "2023-06-01"
"""The SDK uses 2026-10-21, which refuses a temperature for every model; the stream is the same in
both."""


class _Listed(msgspec.Struct):
    id: str
    lifecycle: object = None


class _Listing(msgspec.Struct):
    data: list[_Listed]


_ERRORS = SdkErrors(
    anthropic.APIStatusError,
    anthropic.APITimeoutError,
    anthropic.APIConnectionError,
    anthropic.AnthropicError,
)


class AnthropicClient(StainlessClient):
    """One SDK client for all calls of a provider."""

    logger = "anthropic"

    def __init__(self, config: ProviderConfig) -> None:
        """Build the client; nothing is connected before the first call."""
        super().__init__(config, _ERRORS)
        self._sdk = _Sdk(config, self._http)
        # The first look at these runs `uname` in a process of its own: not in the first request.
        self._sdk.platform_headers()

    def _ask(self, arguments: dict[str, Any]) -> httpx2.Response:
        headers: dict[str, str] = {}
        if "temperature" in arguments:
            headers["anthropic-version"] = VERSION_WITH_TEMPERATURE
        return self._post("/v1/messages", {"stream": True, **arguments}, headers)

    def _post_by_sdk(
        self, path: str, body: dict[str, Any], headers: Mapping[str, str]
    ) -> httpx2.Response:
        stream = self._sdk.post(
            path,
            cast_to=anthropic.types.Message,
            body=body,
            options={"headers": dict(headers)},
            stream=True,
            stream_cls=anthropic.Stream[RawMessageStreamEvent],
        )
        return stream.response

    def model_names(self) -> list[str]:
        """List the models that the key may use; all errors are ProviderErrors."""
        with self._mapped_errors():
            response = self._sdk.get(
                "/v1/models",
                cast_to=httpx2.Response,
                options={"params": {"limit": MODELS_A_PAGE}},
            )
        models = read_listing(response.content, _Listing).data
        return [model.id for model in models if model.lifecycle != "retired"]


class _Sdk(anthropic.Anthropic):
    """The SDK's client, given every setting: it reads nothing that matters from the environment."""

    def __init__(self, config: ProviderConfig, http: httpx2.Client) -> None:
        key = config.api_key or NO_KEY
        super().__init__(
            api_key=key,
            base_url=_root_of(config.base_url) if config.base_url else OFFICIAL_URL,
            max_retries=0,
            timeout=timeout_of(config.timeouts),
            http_client=http,
            webhook_key="",
            open_telemetry=False,
        )
        headers = {"Accept-Encoding": "identity"}  # compressed pieces come late
        if config.base_url:
            # The SDK sends a bearer token; older servers of the protocol look for the key here.
            headers["X-Api-Key"] = key
        # In place of the SDK's own headers, which include ANTHROPIC_CUSTOM_HEADERS.
        self._custom_headers = headers


def _root_of(base_url: str) -> str:
    """Cut `/v1` off: the SDK puts it before each path, and other vendors' URLs end with it."""
    return base_url.rstrip("/").removesuffix("/v1")

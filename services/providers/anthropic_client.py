"""The Anthropic SDK: it shapes and signs the request and judges the status; bytes are read by us.

The only file that imports the SDK, itself imported when first needed: that takes over a second.
"""

import contextlib
from collections.abc import Generator
from contextlib import closing
from typing import Any

import anthropic
import httpx2
import msgspec
from anthropic.types import RawMessageStreamEvent

from services.domain.errors import ProviderError
from services.providers.clean_text import protocol_error
from services.providers.config import ProviderConfig
from services.providers.sdk_http import (
    body_of,
    http_client,
    keep_quiet,
    refusal,
    timed_out,
    timeout_of,
    transport_errors,
    unreachable,
)
from services.providers.urllib3_transport import ResponseBody

OFFICIAL_URL = "https://api.anthropic.com"
NO_KEY = "no-key"  # the SDK insists on one; a server without authentication ignores it
MODELS_A_PAGE = 1000  # the most that a page may have, and many more than there are

VERSION_WITH_TEMPERATURE = "2023-06-01"
"""The SDK speaks 2026-10-21, which refuses a temperature for whatever model; the stream is the same
in both."""

_UNPAID_TYPES = ("billing_error",)
_UNPAID_CODES = ("contract_spend_limit_reached", "enforced_spend_limit_reached")
_UNPAID_SENTENCE = "credit balance is too low"  # a 400 whose type says nothing of it


class _Listed(msgspec.Struct):
    id: str
    lifecycle: object = None


class _Listing(msgspec.Struct):
    data: list[_Listed]


class AnthropicClient:
    """One SDK client for all calls of a provider."""

    def __init__(self, config: ProviderConfig) -> None:
        """Build it; nothing is connected before the first call."""
        keep_quiet("anthropic")
        self._secret = config.api_key
        self._http = http_client(config.timeouts)
        self._sdk = _Sdk(config, self._http)
        # The first look at these asks `uname` in a process of its own: not in the first request.
        self._sdk.platform_headers()

    @contextlib.contextmanager
    def open(self, arguments: dict[str, Any]) -> Generator[ResponseBody, None, None]:
        """Ask, and give the answer's bytes; leaving closes them. All errors are ProviderErrors."""
        with self._mapped_errors(), closing(self._post(arguments)) as response:
            yield body_of(response, self._secret)

    def _post(self, arguments: dict[str, Any]) -> httpx2.Response:
        """Send the request as the SDK's `create` does, without its walk over every argument."""
        headers: dict[str, str] = {}
        if "temperature" in arguments:
            headers["anthropic-version"] = VERSION_WITH_TEMPERATURE
        stream = self._sdk.post(
            "/v1/messages",
            cast_to=anthropic.types.Message,
            body={"stream": True, **arguments},
            options={"headers": headers},
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
        # The SDK's own reader takes whatever comes for a page of models, and fails later.
        try:
            models = msgspec.json.decode(response.content, type=_Listing).data
        except (msgspec.DecodeError, RecursionError) as exc:
            raise protocol_error("The provider's list of models cannot be understood.") from exc
        return [model.id for model in models if model.lifecycle != "retired"]

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    @contextlib.contextmanager
    def _mapped_errors(self) -> Generator[None, None, None]:
        with transport_errors():
            try:
                yield
            except anthropic.APIStatusError as exc:
                raise self._refusal(exc) from exc
            except anthropic.APITimeoutError as exc:
                raise timed_out() from exc
            except anthropic.APIConnectionError as exc:
                raise unreachable() from exc
            except anthropic.AnthropicError as exc:
                raise ProviderError("The provider's answer cannot be understood.") from exc

    def _refusal(self, exc: anthropic.APIStatusError) -> ProviderError:
        is_unpaid = _is_unpaid(exc)
        error = refusal(
            exc.status_code, exc.api_message, exc.response.headers, self._secret, is_final=is_unpaid
        )
        if is_unpaid:
            error.code = "upstream_rate_limited"
        return error


class _Sdk(anthropic.Anthropic):
    """The SDK's client, told everything: it reads nothing that counts from the environment."""

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
            # The SDK sends a bearer; older servers of the protocol look for the key here.
            headers["X-Api-Key"] = key
        # In place of what the SDK put together: ANTHROPIC_CUSTOM_HEADERS is in there.
        self._custom_headers = headers


def _root_of(base_url: str) -> str:
    """Cut `/v1` off: the SDK puts it before each path, and other vendors' URLs end with it."""
    return base_url.rstrip("/").removesuffix("/v1")


def _is_unpaid(exc: anthropic.APIStatusError) -> bool:
    """Tell whether it is the account that must pay, so that no wait will help."""
    return (
        exc.type in _UNPAID_TYPES
        or exc.error_code in _UNPAID_CODES
        or _UNPAID_SENTENCE in str(exc.api_message).lower()
    )

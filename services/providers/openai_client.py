"""The OpenAI SDK: it shapes and signs the request and judges the status; bytes are read by us.

The only file that imports the SDK, itself imported when first needed: that takes a second.
"""

import contextlib
from collections.abc import Generator
from contextlib import closing
from typing import Any

import httpx2
import msgspec
import openai
from openai.types.chat import ChatCompletionChunk

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

OFFICIAL_URL = "https://api.openai.com/v1"
NO_KEY = "no-key"  # the SDK insists on one; a server without authentication ignores it


class _Listing(msgspec.Struct):
    data: list[dict[str, Any]]


class OpenAIClient:
    """One SDK client for all calls of a provider."""

    def __init__(self, config: ProviderConfig) -> None:
        """Build it; nothing is connected before the first call."""
        keep_quiet("openai")
        self._secret = config.api_key
        self._timeouts = config.timeouts
        self._http = http_client(config.timeouts)
        self._sdk = _Sdk(config, self._http)
        # The first look at these asks `uname` in a process of its own: not in the first request.
        self._sdk.platform_headers()

    @contextlib.contextmanager
    def open(self, arguments: dict[str, Any]) -> Generator[ResponseBody, None, None]:
        """Ask, and give the answer's bytes; leaving closes them. All errors are ProviderErrors."""
        with self._mapped_errors(), closing(self._ask(arguments)) as response:
            yield body_of(response, self._secret)

    def _ask(self, arguments: dict[str, Any]) -> httpx2.Response:
        return self._post("/chat/completions", {"stream": True, **arguments})

    def _post(self, path: str, body: dict[str, Any]) -> httpx2.Response:
        """Send the request as the SDK's `create` does, without its walk over every argument.

        The body of the answer is left to be read.
        """
        stream = self._sdk.post(
            path,
            cast_to=ChatCompletionChunk,
            body=body,
            stream=True,
            stream_cls=openai.Stream[ChatCompletionChunk],
        )
        return stream.response

    def listed(self, read_seconds: float | None = None) -> list[dict[str, Any]]:
        """List the models that the key may use, each with its `id`; all errors are ProviderErrors.

        `read_seconds`: for how long the server may be silent, where it is less than usual.
        """
        seconds = read_seconds or self._timeouts.read_seconds
        timeout = httpx2.Timeout(seconds, connect=self._timeouts.connect_seconds)
        with self._mapped_errors():
            response = self._sdk.get(
                "/models", cast_to=httpx2.Response, options={"timeout": timeout}
            )
        # The SDK's own reader takes whatever comes for a page of models, and fails later.
        try:
            models = msgspec.json.decode(response.content, type=_Listing).data
        except (msgspec.DecodeError, RecursionError) as exc:
            raise protocol_error("The provider's list of models cannot be understood.") from exc
        return [model for model in models if model.get("id") and isinstance(model["id"], str)]

    def embeddings(self, body: dict[str, Any]) -> bytes:
        """Ask for vectors of texts, and give the answer as it came; errors are ProviderErrors."""
        with self._mapped_errors(), closing(self._post("/embeddings", body)) as response:
            return response.read()

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    @contextlib.contextmanager
    def _mapped_errors(self) -> Generator[None, None, None]:
        with transport_errors():
            try:
                yield
            except openai.APIStatusError as exc:
                raise self._refusal(exc) from exc
            except openai.APITimeoutError as exc:
                raise timed_out() from exc
            except openai.APIConnectionError as exc:
                raise unreachable() from exc
            except openai.OpenAIError as exc:
                raise ProviderError("The provider's answer cannot be understood.") from exc

    def _refusal(self, exc: openai.APIStatusError) -> ProviderError:
        said = exc.body.get("message") if isinstance(exc.body, dict) else None
        is_final = "insufficient_quota" in (exc.code, exc.type)
        headers = exc.response.headers
        return refusal(exc.status_code, said, headers, self._secret, is_final=is_final)


class _Sdk(openai.OpenAI):
    """The SDK's client, told everything: it reads nothing that counts from the environment."""

    def __init__(self, config: ProviderConfig, http: httpx2.Client) -> None:
        super().__init__(
            api_key=config.api_key or NO_KEY,
            base_url=config.base_url or OFFICIAL_URL,
            max_retries=0,
            timeout=timeout_of(config.timeouts),
            http_client=http,
            webhook_secret="",
        )
        # No argument keeps these from being read where they are unset.
        self.organization = self.project = self.admin_api_key = None
        # In place of what the SDK put together: OPENAI_CUSTOM_HEADERS is in there.
        self._custom_headers = {"Accept-Encoding": "identity"}  # compressed pieces come late

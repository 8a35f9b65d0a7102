"""The OpenAI SDK: it shapes and signs the request and judges the status; bytes are read by us.

The only file that imports the SDK, itself imported when first needed: that takes a second.
"""

import contextlib
import logging
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

from services.domain.errors import ProviderError, ProviderTimeout
from services.providers.clean_text import protocol_error, quote
from services.providers.config import ProviderConfig
from services.providers.retry_after import retry_after_seconds
from services.providers.urllib3_transport import BODY_EXTENSION, ResponseBody, Urllib3Transport

OFFICIAL_URL = "https://api.openai.com/v1"
NO_KEY = "no-key"  # the SDK insists on one; a server without authentication ignores it

_NOT_A_STREAM = ("application/json", "text/html")

_REFUSALS = {
    401: ("upstream_unauthorized", False),
    403: ("upstream_unauthorized", False),
    404: ("model_not_found", False),
    408: ("upstream_overloaded", True),
    409: ("upstream_overloaded", True),
    429: ("upstream_rate_limited", True),
}
"""Status -> code, and whether the same call may succeed later; 5xx are overloads, others final."""


class OpenAIClient:
    """One SDK client for all calls of a provider."""

    def __init__(self, config: ProviderConfig) -> None:
        """Build it; nothing is connected before the first call."""
        _keep_quiet()
        self._secret = config.api_key
        read = config.timeouts.read_seconds
        timeout = httpx2.Timeout(read, connect=config.timeouts.connect_seconds)
        self._http = httpx2.Client(
            transport=Urllib3Transport(),
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
        )
        self._sdk = openai.OpenAI(
            api_key=config.api_key or NO_KEY,
            base_url=config.base_url or OFFICIAL_URL,
            max_retries=0,
            timeout=timeout,
            http_client=self._http,
            default_headers={"Accept-Encoding": "identity"},  # compressed pieces come late
        )
        # The SDK reads these from the environment; settings are read in one place only.
        self._sdk.organization = self._sdk.project = None
        # The first look at these asks `uname` in a process of its own: not in the first request.
        self._sdk.platform_headers()

    @contextlib.contextmanager
    def open(self, arguments: dict[str, Any]) -> Generator[ResponseBody, None, None]:
        """Ask, and give the answer's bytes; leaving closes them. All errors are ProviderErrors."""
        with self._mapped_errors(), closing(self._post(arguments)) as response:
            kind = response.headers.get("content-type", "")
            if kind.startswith(_NOT_A_STREAM):
                raise protocol_error("The provider answered with something that is no stream.")
            body: ResponseBody = response.extensions[BODY_EXTENSION]
            yield body

    def _post(self, arguments: dict[str, Any]) -> httpx2.Response:
        """Send the request as the SDK's `create` does, without its walk over every argument."""
        stream = self._sdk.post(
            "/chat/completions",
            cast_to=ChatCompletionChunk,
            body={"stream": True, **arguments},
            stream=True,
            stream_cls=openai.Stream[ChatCompletionChunk],
        )
        return stream.response

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    @contextlib.contextmanager
    def _mapped_errors(self) -> Generator[None, None, None]:
        try:
            yield
        except openai.APIStatusError as exc:
            raise self._refusal(exc) from exc
        except (openai.APITimeoutError, httpx2.TimeoutException) as exc:
            raise ProviderTimeout("The provider did not answer in time.") from exc
        except openai.APIConnectionError as exc:
            raise ProviderError(
                "No connection to the provider could be made.",
                code="upstream_unreachable",
                may_retry=True,
            ) from exc
        except httpx2.TransportError as exc:
            raise ProviderError(
                "The connection to the provider broke off.", code="upstream_cut", may_retry=True
            ) from exc
        except openai.OpenAIError as exc:
            raise ProviderError("The provider's answer cannot be understood.") from exc

    def _refusal(self, exc: openai.APIStatusError) -> ProviderError:
        status = exc.status_code
        rule = ("upstream_overloaded", True) if status >= 500 else ("upstream_rejected", False)  # noqa: PLR2004 - where server errors begin
        code, may_retry = _REFUSALS.get(status, rule)
        if "insufficient_quota" in (exc.code, exc.type):
            may_retry = False
        # What is said with a refused key repeats the key, masked or not.
        said = "" if code == "upstream_unauthorized" else self._said(exc.body)
        return ProviderError(
            f"The provider answered with status {status}. {said}".rstrip(),
            code=code,
            may_retry=may_retry,
            retry_after=retry_after_seconds(exc.response.headers, datetime.now(UTC)),
        )

    def _said(self, body: object) -> str:
        return quote(body.get("message") if isinstance(body, dict) else None, self._secret)


def _keep_quiet() -> None:
    """Silence the libraries below warnings: they tell every request, and whole URLs."""
    for name in ("openai", "httpx2", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)

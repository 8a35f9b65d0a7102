"""The google-genai SDK: it signs and addresses the request; we read the bytes.

The only file that imports the SDK. It is itself imported when first needed: that takes a second.
"""

import contextlib
import logging
import ssl
from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any
from urllib.parse import quote

import httpx2
from google import genai
from google.genai import errors
from google.genai.client import DebugConfig
from google.genai.types import (
    Content,
    EmbedContentConfig,
    HttpOptions,
    ListModelsConfig,
    Part,
)

from services.providers.config import ProviderConfig
from services.providers.embedding.base import RawVectors
from services.providers.gemini.refusals import refusal_of
from services.providers.sdk.errors import body_of, http_client, keep_quiet, transport_errors
from services.providers.wire.clean_text import protocol_error
from services.providers.wire.transport import ResponseBody

OFFICIAL_URL = "https://generativelanguage.googleapis.com"
API_VERSION = "v1beta"
NO_KEY = "no-key"  # the SDK insists on a key; a server without authentication ignores it
MODELS_A_PAGE = 1000  # the most that a page may have
MOST_MODELS = 10_000  # a server that always names a further page would be asked for ever

_COLLECTIONS = ("models", "tunedModels")
"""Where Google keeps models: the name of a tuned model begins with its collection."""


class GeminiClient:
    """One SDK client for all calls of a provider."""

    def __init__(self, config: ProviderConfig) -> None:
        """Build the client; nothing is connected before the first call."""
        keep_quiet("google_genai")
        # The SDK warns of two keys in the environment, neither of which is used.
        logging.getLogger("google_genai._api_client").setLevel(logging.ERROR)
        self._secret = config.api_key
        self._timeouts = config.timeouts
        self._http = http_client(config.timeouts)
        unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # All is given here, so that the SDK reads nothing that matters from the environment. Its
        # `timeout` is left out: it would also ask Google to end a longer answer.
        self._sdk = genai.Client(
            enterprise=False,
            api_key=config.api_key or NO_KEY,
            debug_config=DebugConfig(client_mode="", replays_directory="", replay_id=""),
            http_options=HttpOptions(
                httpx_client=self._http,
                base_url=_root_of(config.base_url) if config.base_url else OFFICIAL_URL,
                api_version=API_VERSION,
                headers={"Accept-Encoding": "identity"},  # compressed pieces come late
                # For the SDK's own clients, which are never used: otherwise it would load all
                # authorities twice, from where the environment says.
                client_args={"verify": unused},
                async_client_args={"ssl": unused},
            ),
        )

    @contextlib.contextmanager
    def open(self, model: str, body: dict[str, Any]) -> Generator[ResponseBody, None, None]:
        """Call, and give the answer's bytes; leaving closes them. All errors are ProviderErrors."""
        with transport_errors(), closing(self._post(model, body)) as response:
            if not response.is_success:
                raise self._refusal(response)
            yield body_of(response)

    def _post(self, model: str, body: dict[str, Any]) -> httpx2.Response:
        """Send what the SDK's `generate_content_stream` sends.

        That function gives no raw answer, and its walk over every argument and every chunk takes
        two milliseconds a call. The SDK's way to shape requests is not public: it is used only
        here.
        """
        shaped = self._sdk._api_client._build_request(  # noqa: SLF001 - as said above
            "post", f"{_resource_of(model)}:streamGenerateContent?alt=sse", body
        )
        request = self._http.build_request(
            shaped.method, shaped.url, headers=shaped.headers, json=shaped.data
        )
        return self._http.send(request, stream=True)

    def model_names(self) -> list[str]:
        """List the models that the key may use; all errors are ProviderErrors."""
        milliseconds = round(self._timeouts.read_seconds * 1000)
        config = ListModelsConfig(
            page_size=MODELS_A_PAGE, http_options=HttpOptions(timeout=milliseconds)
        )
        with transport_errors():
            try:
                listed = self._sdk.models.list(config=config)
                models = list(islice(listed, MOST_MODELS))
            except errors.APIError as exc:
                raise self._refusal(exc.response) from exc
            except (AttributeError, TypeError, ValueError, RecursionError) as exc:
                # The SDK's own reader takes any answer for a list of models.
                raise protocol_error("The provider's list of models cannot be understood.") from exc
        # Servers that merely speak the protocol may not say what their models can do.
        return [
            model.name.removeprefix("models/")
            for model in models
            if model.name and "generateContent" in (model.supported_actions or ["generateContent"])
        ]

    def embeddings(self, model: str, texts: Sequence[str], dimensions: int) -> RawVectors:
        """Ask for vectors of texts; all errors are ProviderErrors."""
        milliseconds = round(self._timeouts.read_seconds * 1000)
        config = EmbedContentConfig(
            output_dimensionality=dimensions, http_options=HttpOptions(timeout=milliseconds)
        )
        # The newer models would take plain texts for the parts of a single text.
        contents = [Content(parts=[Part(text=text)]) for text in texts]
        with transport_errors():
            try:
                answer = self._sdk.models.embed_content(
                    model=model, contents=contents, config=config
                )
            except errors.APIError as exc:
                raise self._refusal(exc.response) from exc
            except (AttributeError, TypeError, ValueError, RecursionError) as exc:
                # The SDK's own reader takes any answer for vectors.
                raise protocol_error("The provider's vectors cannot be understood.") from exc
        usage = answer.usage_metadata
        vectors = [embedding.values or [] for embedding in answer.embeddings or []]
        return RawVectors(vectors, usage.prompt_token_count if usage else None)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _refusal(self, response: Any) -> Exception:
        return refusal_of(response.status_code, response.content, response.headers, self._secret)


def _resource_of(model: str) -> str:
    """Write a model's name as a path, of which no name can leave its own segment.

    A name without a collection is one of `models`; the others that Google has stay as they are.
    """
    collection, _, name = model.rpartition("/")
    if collection not in _COLLECTIONS:
        collection, name = _COLLECTIONS[0], model
    return f"{collection}/{quote(name, safe='')}"


def _root_of(base_url: str) -> str:
    """Cut the version off: the SDK puts it before each path."""
    return base_url.rstrip("/").removesuffix(f"/{API_VERSION}")

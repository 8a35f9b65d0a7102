"""Vectors of Google's Gemini."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.providers import tokens
from services.providers.config import ProviderConfig
from services.providers.embeddings import Embedder, EmbeddingModel, Vector
from services.providers.sdk_loading import sdk_loading

if TYPE_CHECKING:
    from services.providers.gemini_client import GeminiClient


class GeminiEmbedder(Embedder):
    """Asks for embeddings in a batch; the SDK is loaded by `warm_up`, or else by the first call."""

    max_batch = 100
    """As many as Google takes in one."""

    def __init__(self, config: ProviderConfig, model: EmbeddingModel) -> None:
        """Keep the configuration; nothing is loaded and nothing connected."""
        self.name = config.name
        self.model = model.name
        self.dimensions = model.dimensions
        self.max_tokens = model.max_tokens
        self._config = config
        self._client: GeminiClient | None = None

    def warm_up(self) -> None:
        """Load the SDK and the tokenizer, and build the client."""
        self._loaded()
        tokens.warm_up()

    def close(self) -> None:
        """Give back the connections; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _embed(self, texts: Sequence[str]) -> tuple[Sequence[Vector], object]:
        return self._loaded().embedded(self.model, texts, self.dimensions)

    def _loaded(self) -> "GeminiClient":
        if self._client is None:
            with sdk_loading("google.genai", self.name):
                from services.providers.gemini_client import (  # noqa: PLC0415 - takes a second
                    GeminiClient,
                )

                # While this one imported, another greenlet may have built the client.
                self._client = self._client or GeminiClient(self._config)
        return self._client

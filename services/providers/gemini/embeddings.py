"""Vectors of Google's Gemini."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.providers.embedding.base import Embedder, RawVectors
from services.providers.sdk.adapter import SdkAdapter

if TYPE_CHECKING:
    from services.providers.gemini.client import GeminiClient


class GeminiEmbedder(SdkAdapter["GeminiClient"], Embedder):
    """Asks for embeddings in a batch; the SDK is loaded by `warm_up`, or else by the first call."""

    sdk = "google.genai"
    max_batch = 100
    """Google takes at most so many in one call."""

    def _embed(self, texts: Sequence[str]) -> RawVectors:
        return self._loaded().embeddings(self.model, texts, self.dimensions)

    def _imported(self) -> "type[GeminiClient]":
        from services.providers.gemini.client import GeminiClient  # noqa: PLC0415 - takes a second

        return GeminiClient

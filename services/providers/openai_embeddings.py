"""Vectors of OpenAI, and of every server that speaks its embeddings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from services.providers import tokens
from services.providers.clean_text import protocol_error
from services.providers.config import ProviderConfig
from services.providers.embeddings import Embedder, EmbeddingModel, Vector
from services.providers.sdk_loading import sdk_loading

if TYPE_CHECKING:
    from services.providers.openai_client import OpenAIClient


class _Item(msgspec.Struct):
    index: int
    embedding: list[float]


class _Usage(msgspec.Struct):
    prompt_tokens: object = None


class _Answer(msgspec.Struct):
    data: list[_Item]
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Answer).decode


class OpenAIEmbedder(Embedder):
    """Asks for embeddings; the SDK is loaded by `warm_up`, or else by the first call."""

    max_batch = 32
    """OpenAI takes 2,048 texts but 300,000 tokens in all: 32 of the longest always fit."""

    def __init__(self, config: ProviderConfig, model: EmbeddingModel) -> None:
        """Keep the configuration; nothing is loaded and nothing connected."""
        self.name = config.name
        self.model = model.name
        self.dimensions = model.dimensions
        self.max_tokens = model.max_tokens
        self._config = config
        self._client: OpenAIClient | None = None

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
        body: dict[str, Any] = {
            "model": self.model,
            "input": list(texts),
            "encoding_format": "float",
        }
        if self._config.kind == "openai":
            body["dimensions"] = self.dimensions  # compatible servers refuse it or pass it by
        answer = self._loaded().embeddings(body)
        try:
            told = _decode(answer)
        except (msgspec.DecodeError, RecursionError) as exc:
            raise protocol_error("The provider's vectors cannot be understood.") from exc
        items = sorted(told.data, key=lambda item: item.index)
        if [item.index for item in items] != list(range(len(items))):
            raise protocol_error("The provider's vectors are not those of the texts.")
        reported = told.usage.prompt_tokens if told.usage else None
        return [item.embedding for item in items], reported

    def _loaded(self) -> "OpenAIClient":
        if self._client is None:
            with sdk_loading("openai", self.name):
                from services.providers.openai_client import (  # noqa: PLC0415 - takes a second
                    OpenAIClient,
                )

                # While this one imported, another greenlet may have built the client.
                self._client = self._client or OpenAIClient(self._config)
        return self._client

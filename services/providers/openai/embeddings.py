"""Vectors of OpenAI, and of every server that speaks its embeddings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from services.providers.embedding.base import Embedder, RawVectors
from services.providers.sdk.adapter import SdkAdapter
from services.providers.wire.clean_text import protocol_error

if TYPE_CHECKING:
    from services.providers.openai.client import OpenAIClient


class _Item(msgspec.Struct):
    index: int
    embedding: list[float]


class _Usage(msgspec.Struct):
    prompt_tokens: object = None


class _Answer(msgspec.Struct):
    data: list[_Item]
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Answer).decode


class OpenAIEmbedder(SdkAdapter["OpenAIClient"], Embedder):
    """Asks for embeddings; the SDK is loaded by `warm_up`, or else by the first call."""

    sdk = "openai"
    max_batch = 32
    """OpenAI takes 2,048 texts but 300,000 tokens in all: 32 of the longest always fit."""

    def _embed(self, texts: Sequence[str]) -> RawVectors:
        body: dict[str, Any] = {
            "model": self.model,
            "input": list(texts),
            "encoding_format": "float",
        }
        if self._config.kind == "openai":
            body["dimensions"] = self.dimensions  # compatible servers refuse it or ignore it
        answer = self._loaded().embeddings(body)
        try:
            told = _decode(answer)
        except (msgspec.DecodeError, RecursionError) as exc:
            raise protocol_error("The provider's vectors cannot be understood.") from exc
        items = sorted(told.data, key=lambda item: item.index)
        if [item.index for item in items] != list(range(len(items))):
            raise protocol_error("The provider's vectors are not those of the texts.")
        reported = told.usage.prompt_tokens if told.usage else None
        return RawVectors([item.embedding for item in items], reported)

    def _imported(self) -> "type[OpenAIClient]":
        from services.providers.openai.client import OpenAIClient  # noqa: PLC0415 - takes a second

        return OpenAIClient

"""The embedders that must keep the one contract, and the texts that they are given."""

from collections.abc import Sequence

import pytest
from wires.calls import KEY, QUICK
from wires.embeddings_wire import DIMENSIONS
from wires.fixtures import WireServer

from services.domain.errors.requests import InvalidRequest
from services.domain.errors.upstream import ProviderError
from services.providers.config import ProviderConfig
from services.providers.embedding.base import Embedder
from services.providers.embedding.model import EmbeddingModel
from services.providers.embedding.registry import build

TEXTS = ("Grüße aus 你好", "and 👋🏽 again", "x", "def f(x):\n\treturn x\r\n")
MAX_TOKENS = 50
NOBODY = "http://127.0.0.1:9/v1"

KINDS = ("embedded", "openai", "local", "gemini", "aimock")
WIRE = ("openai", "local", "gemini")


class Subjects:
    """Builds embedders by the name of a case; the model says how the server behaves."""

    def __init__(self, wire: WireServer, aimock: str) -> None:
        """Take the servers."""
        self._urls = {
            "openai": wire.base_url,
            "local": wire.base_url,
            "gemini": wire.url,
            "aimock": aimock,
            "embedded": None,
        }
        self._made: list[Embedder] = []

    def make(self, name: str, model: str = "", url: str | None = None) -> Embedder:
        """Make an embedder with small vectors, short texts and short timeouts."""
        config = ProviderConfig(
            kind="openai" if name == "aimock" else name,
            name=name,
            api_key=KEY,
            base_url=url or self._urls[name],
            timeouts=QUICK,
        )
        # The mock makes vectors for every model for which it has no texts.
        chosen = model or ("vectors" if name == "aimock" else "plain")
        sizes = EmbeddingModel(name=chosen, dimensions=DIMENSIONS, max_tokens=MAX_TOKENS)
        embedder = build(config, sizes)
        self._made.append(embedder)
        return embedder

    def close(self) -> None:
        """Close connections."""
        for embedder in self._made:
            embedder.close()


def failure_of(embedder: Embedder) -> ProviderError:
    """Give the failure of a call that must fail."""
    with pytest.raises(ProviderError) as raised:
        embedder.embed(TEXTS)
    return raised.value


def refusal_of(embedder: Embedder, texts: Sequence[str]) -> str:
    """Give what is told of texts that must be refused before any call."""
    with pytest.raises(InvalidRequest) as raised:
        embedder.embed(texts)
    assert list(raised.value.errors) == ["texts"]
    return raised.value.detail


every = pytest.mark.parametrize("name", KINDS)
over_the_wire = pytest.mark.parametrize("name", WIRE)

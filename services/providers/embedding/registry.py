"""Which embedders there are; each is imported when it is first built."""

from collections.abc import Mapping
from importlib import import_module

from services.providers.config import ProviderConfig
from services.providers.declaration import Embeddings
from services.providers.embedding.base import Embedder
from services.providers.embedding.model import EmbeddingModel
from services.providers.registry import VENDORS

EMBEDDINGS: Mapping[str, Embeddings] = {
    **{vendor.name: vendor.embeddings for vendor in VENDORS.values() if vendor.embeddings},
    # A kind is what settings would name: this one has the name of the mode that needs no key.
    "embedded": Embeddings(
        "services.providers.embedding.hashing:HashingEmbedder",
        EmbeddingModel(name="hashed-1", dimensions=256, max_tokens=8192),
    ),
}
"""Each vendor's embedder by the vendor's name, and `embedded`, which makes no calls.

Vectors of different models, or of different lengths, cannot be compared. The longest texts are
those of the vendors' pages in November 2026.
"""


def build(config: ProviderConfig, model: EmbeddingModel | None = None) -> Embedder:
    """Build an embedder and connect nothing; LookupError for an unknown kind or model.

    The `models` of the configuration are not used.
    """
    known = EMBEDDINGS.get(config.kind)
    if known is None:
        kinds = ", ".join(sorted(EMBEDDINGS))
        raise LookupError(f"{config.kind!r} is not a kind of embedder. Known: {kinds}.")
    model = model or known.model
    if model is None:
        raise LookupError(f"The models of {config.kind!r} are not known here: name one.")
    module, _, name = known.adapter.partition(":")
    adapter = getattr(import_module(module), name)
    embedder: Embedder = adapter(config, model)
    return embedder

"""Which embedders there are; each is imported when one of its kind is built."""

from importlib import import_module

from services.providers.config import ProviderConfig
from services.providers.embedding.base import Embedder, EmbeddingModel

ADAPTERS = {
    "openai": "services.providers.openai.embeddings:OpenAIEmbedder",
    "local": "services.providers.openai.embeddings:OpenAIEmbedder",
    "gemini": "services.providers.gemini.embeddings:GeminiEmbedder",
    "embedded": "services.providers.embedding.embedded:EmbeddedEmbedder",
}
"""Kind -> import path; `local` is any server that speaks OpenAI's embeddings."""

MODELS = {
    "openai": EmbeddingModel(name="text-embedding-3-small", dimensions=1536, max_tokens=8192),
    "gemini": EmbeddingModel(name="gemini-embedding-2", dimensions=768, max_tokens=8192),
    "embedded": EmbeddingModel(name="hashed-1", dimensions=256, max_tokens=8192),
}
"""What a kind makes vectors with where nothing else is said; a local server's models are its own.

Vectors of different models, or of different lengths, say nothing about each other. The longest
texts are those of the vendors' pages in November 2026.
"""


def build(config: ProviderConfig, model: EmbeddingModel | None = None) -> Embedder:
    """Build an embedder without connecting to it; raises LookupError for an unknown kind or model.

    Of the configuration `models` do not count.
    """
    path = ADAPTERS.get(config.kind)
    if path is None:
        known = ", ".join(sorted(ADAPTERS))
        raise LookupError(f"{config.kind!r} is not a kind of embedder. Known: {known}.")
    model = model or MODELS.get(config.kind)
    if model is None:
        raise LookupError(f"The models of {config.kind!r} are not known here: name one.")
    module, _, name = path.partition(":")
    adapter = getattr(import_module(module), name)
    embedder: Embedder = adapter(config, model)
    return embedder

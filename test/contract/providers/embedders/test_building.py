"""Which embedders can be built, and with which model."""

import pytest
from subjects.embedders import NOBODY

from services.providers.config import ProviderConfig
from services.providers.embedding.model import EmbeddingModel
from services.providers.embedding.registry import EMBEDDINGS, build


@pytest.mark.parametrize("kind", ["nobody", "anthropic", "scripted", ""])
def test_who_makes_no_vectors_is_no_embedder(kind: str) -> None:
    with pytest.raises(LookupError, match=f"Known: {', '.join(sorted(EMBEDDINGS))}"):
        build(ProviderConfig(kind=kind, name=kind))


def test_the_model_of_a_local_server_has_to_be_named() -> None:
    with pytest.raises(LookupError, match="name one"):
        build(ProviderConfig(kind="local", name="local", base_url=NOBODY))


@pytest.mark.parametrize("kind", [kind for kind, known in EMBEDDINGS.items() if known.model])
def test_the_others_have_a_model_by_default(kind: str) -> None:
    embedder = build(ProviderConfig(kind=kind, name=kind))

    told = EmbeddingModel(
        name=embedder.model, dimensions=embedder.dimensions, max_tokens=embedder.max_tokens
    )
    assert told == EMBEDDINGS[kind].model

"""OpenAI, as the rest of the server knows it."""

from pathlib import Path

from services.providers.declaration import BaseUrl, Embeddings, Key, Limits, Vendor
from services.providers.embedding.model import EmbeddingModel
from services.providers.fields import names_of
from services.providers.openai.fields import FIELDS

VENDOR = Vendor(
    name="openai",
    title="OpenAI",
    adapter="services.providers.openai.provider:OpenAIProvider",
    key=Key("OPENAI_API_KEY", shown_by="OpenAI"),
    base_url=BaseUrl(
        "OPENAI_BASE_URL",
        "Another server that speaks OpenAI's protocol; model names are then not checked here.",
        names_of(FIELDS),
    ),
    limits=Limits(rpm=30, tpm=50_000),
    models=Path(__file__).with_name("models.yaml"),
    prices="openai",
    embeddings=Embeddings(
        "services.providers.openai.embeddings:OpenAIEmbedder",
        EmbeddingModel(name="text-embedding-3-small", dimensions=1536, max_tokens=8192),
    ),
    takes_any_model=True,
)

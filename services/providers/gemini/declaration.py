"""Google's Gemini, as the rest of the server knows it."""

from pathlib import Path

from services.providers.declaration import BaseUrl, Embeddings, Key, Limits, Vendor
from services.providers.embedding.model import EmbeddingModel
from services.providers.fields import names_of
from services.providers.gemini.fields import FIELDS

VENDOR = Vendor(
    name="gemini",
    title="Gemini",
    adapter="services.providers.gemini.provider:GeminiProvider",
    key=Key("GOOGLE_AI_API_KEY", shown_by="Google AI Studio", also="GEMINI_API_KEY"),
    base_url=BaseUrl(
        "GOOGLE_GEMINI_BASE_URL",
        "Another server that speaks Gemini's protocol.",
        names_of(FIELDS),
    ),
    limits=Limits(rpm=60, tpm=100_000),
    models=Path(__file__).with_name("models.yaml"),
    prices="google",
    embeddings=Embeddings(
        "services.providers.gemini.embeddings:GeminiEmbedder",
        EmbeddingModel(name="gemini-embedding-2", dimensions=768, max_tokens=8192),
    ),
)

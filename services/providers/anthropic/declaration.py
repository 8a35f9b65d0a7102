"""Anthropic, as the rest of the server knows it."""

from pathlib import Path

from services.providers.anthropic.fields import FIELDS
from services.providers.declaration import BaseUrl, Key, Limits, Vendor
from services.providers.fields import names_of

VENDOR = Vendor(
    name="anthropic",
    title="Anthropic",
    adapter="services.providers.anthropic.provider:AnthropicProvider",
    key=Key("ANTHROPIC_API_KEY", shown_by="Anthropic"),
    base_url=BaseUrl(
        "ANTHROPIC_BASE_URL",
        "Another server that speaks Anthropic's protocol.",
        names_of(FIELDS),
    ),
    limits=Limits(rpm=50, tpm=80_000),
    models=Path(__file__).with_name("models.yaml"),
    prices="anthropic",
)

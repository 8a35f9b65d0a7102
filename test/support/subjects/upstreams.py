"""Providers and offers, built from settings."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from services.bootstrap.offers import build_offers
from services.bootstrap.providers import build_providers
from services.domain.catalog import Offers
from services.settings.load import load_settings
from services.settings.whole import InvalidSettings
from services.telemetry.metrics import Metrics

NOBODY = "http://127.0.0.1:9/v1"
"""Port 9 discards: a local server that is away."""

ALL_KEYS = {"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a", "GOOGLE_AI_API_KEY": "g"}


class Upstreams:
    """What was built from settings."""

    def __init__(self, folder: Path, **environ: str) -> None:
        """Build the providers."""
        self.settings = load_settings({"DATA_DIR": str(folder), **environ})
        self.providers = build_providers(self.settings, Metrics())

    @property
    def offers(self) -> Offers:
        """Build the offers."""
        return build_offers(self.settings, self.providers)

    def refused(self) -> dict[str, str]:
        """Give what is wrong with the settings, by variable."""
        with pytest.raises(InvalidSettings) as caught:
            build_offers(self.settings, self.providers)
        return {name: " ".join(texts) for name, texts in caught.value.mistakes.items()}


class Build:
    """Builds upstreams."""

    def __init__(self, folder: Path, ending: ExitStack) -> None:
        """Take the folder of the settings."""
        self.folder = folder
        self._ending = ending

    def __call__(self, **environ: str) -> Upstreams:
        """Build from settings."""
        made = Upstreams(self.folder, **environ)
        for provider in made.providers.values():
            self._ending.callback(provider.close)
        return made

    def models_file(self, text: str) -> str:
        """Write a file of models; give its path."""
        path = self.folder / "models.yaml"
        path.write_text(text)
        return str(path)

"""Settings as a test gives them, and what is told of those that are wrong."""

from pathlib import Path

import pytest

from services.settings.load import load_settings
from services.settings.whole import InvalidSettings, Settings

SECRET = "tN4vQ8zLw2XcY6bHs0KdRf3JmGp9EuTa"

PROJECT = {"SUPABASE_URL": "https://x.supabase.co", "SUPABASE_KEY": "sb_secret_0123456789"}


def load(folder: Path, **environ: str) -> Settings:
    """Load settings from these variables alone."""
    return load_settings({"DATA_DIR": str(folder), **environ})


def mistakes(folder: Path, **environ: str) -> dict[str, str]:
    """Give what is wrong with these variables, by variable."""
    with pytest.raises(InvalidSettings) as caught:
        load(folder, **environ)
    return {name: " ".join(texts) for name, texts in caught.value.mistakes.items()}

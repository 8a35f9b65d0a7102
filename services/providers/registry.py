"""Which adapters there are; each is imported when a provider of its kind is built."""

from importlib import import_module

from services.providers.base import Provider
from services.providers.config import ProviderConfig

ADAPTERS = {
    "openai": "services.providers.openai.provider:OpenAIProvider",
    "local": "services.providers.local.provider:LocalProvider",
    "anthropic": "services.providers.anthropic.provider:AnthropicProvider",
    "gemini": "services.providers.gemini.provider:GeminiProvider",
    "scripted": "services.providers.scripted.provider:ScriptedProvider",
}
"""Kind -> import path."""


def build(config: ProviderConfig) -> Provider:
    """Build a provider without connecting to it; raises LookupError for an unknown kind."""
    path = ADAPTERS.get(config.kind)
    if path is None:
        known = ", ".join(sorted(ADAPTERS))
        raise LookupError(f"{config.kind!r} is not a kind of provider. Known: {known}.")
    module, _, name = path.partition(":")
    adapter = getattr(import_module(module), name)
    provider: Provider = adapter(config)
    return provider

"""Which vendors there are, and their adapters: each is imported when a provider is built."""

from collections.abc import Mapping
from importlib import import_module

from services.providers.anthropic.declaration import VENDOR as ANTHROPIC
from services.providers.base import Provider
from services.providers.config import ProviderConfig
from services.providers.declaration import Vendor
from services.providers.gemini.declaration import VENDOR as GEMINI
from services.providers.local.declaration import VENDOR as LOCAL
from services.providers.openai.declaration import VENDOR as OPENAI
from services.providers.scripted.declaration import VENDOR as SCRIPTED

VENDORS: Mapping[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        GEMINI,
        OPENAI,
        ANTHROPIC,
        LOCAL,
        SCRIPTED,
    )
}
"""By name, in order of preference: the first that is configured answers by default."""

DEMONSTRATIONS = frozenset(name for name, vendor in VENDORS.items() if vendor.is_demonstration)
"""Vendors that never answer in place of another."""

ON_OWN_MACHINES = frozenset(name for name, vendor in VENDORS.items() if vendor.is_local)
"""Vendors that list their models themselves, and cost nothing by the token."""


def build(config: ProviderConfig) -> Provider:
    """Build a provider without connecting to it; raises LookupError for an unknown kind."""
    vendor = VENDORS.get(config.kind)
    if vendor is None:
        known = ", ".join(sorted(VENDORS))
        raise LookupError(f"{config.kind!r} is not a kind of provider. Known: {known}.")
    module, _, name = vendor.adapter.partition(":")
    adapter = getattr(import_module(module), name)
    provider: Provider = adapter(config)
    return provider

"""The scripted provider, as the rest of the server knows it."""

from services.providers.declaration import Vendor

VENDOR = Vendor(
    name="scripted",
    title="the script",
    adapter="services.providers.scripted.provider:ScriptedProvider",
    switch="SCRIPTED",
)

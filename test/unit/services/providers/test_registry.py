"""Providers are built by kind, and load nothing before they are needed."""

import json
import subprocess
import sys

import pytest

from services.domain.catalog import Model
from services.providers.config import ProviderConfig
from services.providers.registry import VENDORS, build


@pytest.mark.parametrize("kind", VENDORS)
def test_every_kind_can_be_built_under_a_name_of_its_own(kind: str) -> None:
    model = Model(provider="mine", name="one", window=1000, max_output=100)
    url = "http://127.0.0.1:1/v1"
    provider = build(ProviderConfig(kind=kind, name="mine", base_url=url, models=(model,)))

    assert provider.name == "mine"
    assert provider.models
    assert {model.provider for model in provider.models} == {"mine"}


@pytest.mark.parametrize("kind", ["gemini", "openai", "anthropic"])
def test_a_provider_offers_exactly_the_models_of_its_configuration(kind: str) -> None:
    models = tuple(
        Model(provider="mine", name=name, window=1000, max_output=100) for name in ("b", "a", "*")
    )

    assert tuple(build(ProviderConfig(kind=kind, name="mine", models=models)).models) == models


def test_an_unknown_kind_is_named_with_those_that_are_known() -> None:
    with pytest.raises(LookupError, match=r"'llama'.*openai.*scripted"):
        build(ProviderConfig(kind="llama", name="llama"))


def test_a_key_is_not_in_what_a_configuration_prints() -> None:
    assert "sk-1" not in repr(ProviderConfig(kind="openai", name="openai", api_key="sk-1"))


@pytest.mark.parametrize(
    ("kind", "sdk"),
    [
        ("openai", "openai"),
        ("local", "openai"),
        ("anthropic", "anthropic"),
        ("gemini", "google.genai"),
    ],
)
def test_building_loads_no_sdk_and_the_first_warming_up_tells_how_long_it_took(
    kind: str, sdk: str
) -> None:
    code = f"""
import sys
from services.providers.config import ProviderConfig
from services.providers.registry import build
from services.telemetry import logs
logs.configure("info", "json")
first, second = (build(ProviderConfig(kind="{kind}", name=n, api_key="k")) for n in ("1", "2"))
print("{sdk}" in sys.modules, "httpx2" in sys.modules)
first.warm_up()
second.warm_up()
print("{sdk}" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    lines = [json.loads(line) for line in run.stderr.splitlines()]
    loaded = [line for line in lines if line["event"] == "sdk_loaded"]
    assert run.stdout.split() == ["False", "False", "True"]
    assert [(line["provider"], line["sdk"]) for line in loaded] == [("1", sdk)]
    assert 0 < loaded[0]["seconds"] < 60

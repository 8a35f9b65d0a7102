"""Providers are built by kind, and load nothing before they are needed."""

import subprocess
import sys

import pytest
from provider_calls import provider_of

from services.domain.catalog import ANY_MODEL
from services.providers.config import ProviderConfig
from services.providers.registry import ADAPTERS, build


@pytest.mark.parametrize("kind", ADAPTERS)
def test_every_kind_can_be_built_under_a_name_of_its_own(kind: str) -> None:
    provider = build(ProviderConfig(kind=kind, name="mine", base_url="http://127.0.0.1:1/v1"))

    assert provider.name == "mine"
    assert provider.models
    assert {model.provider for model in provider.models} == {"mine"}


def test_an_unknown_kind_is_named_with_those_that_are_known() -> None:
    with pytest.raises(LookupError, match=r"'llama'.*openai.*scripted"):
        build(ProviderConfig(kind="llama", name="llama"))


def test_only_a_server_with_a_base_url_takes_any_model() -> None:
    official = {model.name for model in provider_of("openai").models}
    compatible = {model.name for model in provider_of("openai", "http://127.0.0.1:1").models}
    local = {model.name for model in provider_of("local", "http://127.0.0.1:1").models}

    assert ANY_MODEL not in official
    assert compatible == official | {ANY_MODEL}
    assert local == {ANY_MODEL}


def test_a_key_is_not_in_what_a_configuration_prints() -> None:
    assert "sk-1" not in repr(ProviderConfig(kind="openai", name="openai", api_key="sk-1"))


def test_building_loads_no_sdk_and_warming_up_does() -> None:
    code = """
import sys
from services.providers.config import ProviderConfig
from services.providers.registry import build
provider = build(ProviderConfig(kind="openai", name="openai", api_key="k"))
print("openai" in sys.modules, "httpx2" in sys.modules)
provider.warm_up()
print("openai" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["False", "False", "True"]
    assert run.stderr == ""

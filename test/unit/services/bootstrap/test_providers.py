"""Settings in, providers out."""

import subprocess
import sys
from pathlib import Path

import pytest
from subjects.upstreams import ALL_KEYS, NOBODY, Build
from wires.model_lists import ModelLists

from services.bootstrap.offers import failover_chain
from services.bootstrap.providers import build_providers
from services.providers.spread import SpreadProvider
from services.settings.load import load_settings
from services.settings.whole import InvalidSettings
from services.telemetry.metrics import Metrics


def test_without_settings_the_script_answers_alone(built: Build) -> None:
    upstreams = built()

    assert list(upstreams.providers) == ["scripted"]
    assert [model.name for model in upstreams.offers.models] == ["scripted-1"]
    assert upstreams.offers.default.price is None
    assert failover_chain(upstreams.settings, upstreams.offers) is None


def test_providers_stand_in_the_order_of_preference(built: Build, lists: ModelLists) -> None:
    upstreams = built(LOCAL_BASE_URL=lists.url, **ALL_KEYS)

    assert list(upstreams.providers) == ["gemini", "openai", "anthropic", "local", "scripted"]
    assert all(name == provider.name for name, provider in upstreams.providers.items())
    default = upstreams.offers.default
    assert (default.provider, default.name) == ("gemini", "gemini-3.8-flash")


@pytest.mark.parametrize(
    ("setting", "provider"),
    [
        ("GEMINI_API_KEY", "gemini"),
        ("GOOGLE_GEMINI_BASE_URL", "gemini"),
        ("OPENAI_BASE_URL", "openai"),
        ("ANTHROPIC_BASE_URL", "anthropic"),
    ],
)
def test_a_key_or_an_address_configures_a_provider(
    built: Build, setting: str, provider: str
) -> None:
    upstreams = built(**{setting: NOBODY if setting.endswith("URL") else "k"})

    assert list(upstreams.providers) == [provider, "scripted"]
    assert upstreams.offers.default.provider == provider


def test_a_file_may_change_between_the_check_and_its_use(built: Build) -> None:
    path = built.models_file("models: []\n")
    settings = load_settings({"DATA_DIR": str(built.folder), "MODELS_FILE": path})
    built.models_file("models: 5\n")

    with pytest.raises(InvalidSettings, match=r"MODELS_FILE: models\.yaml, line 1: models"):
        build_providers(settings, Metrics())


def test_several_keys_are_spread_over(built: Build) -> None:
    spread = built(OPENAI_API_KEY="k, l").providers["openai"]

    assert isinstance(spread, SpreadProvider)
    assert spread.name == "openai"
    assert next(iter(spread.models)).name == "gpt-6-luna"


def test_one_key_is_asked_directly(built: Build) -> None:
    provider = built(OPENAI_API_KEY="k").providers["openai"]

    assert not isinstance(provider, SpreadProvider)


@pytest.mark.parametrize(
    ("environ", "loaded"),
    [({}, "False"), ({"LOCAL_BASE_URL": NOBODY}, "False"), ({"OPENAI_API_KEY": "k"}, "True")],
)
def test_prices_are_loaded_only_for_providers_that_have_them(
    tmp_path: Path, environ: dict[str, str], loaded: str
) -> None:
    code = f"""
import sys
from services.settings.load import load_settings
from services.telemetry.metrics import Metrics
from services.bootstrap.providers import build_providers
settings = load_settings({ ({"DATA_DIR": str(tmp_path)} | environ)!r})
build_providers(settings, Metrics())
print("genai_prices" in sys.modules, file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stderr.split() == [loaded]

"""From settings to providers and offers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest
from wires.model_lists import ModelLists, model_lists

from services.bootstrap.providers import build_offers, build_providers, failover_chain
from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers
from services.domain.costs import Price
from services.domain.errors.requests import ModelNotAvailable
from services.providers.spread import SpreadProvider
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


@pytest.fixture
def built(tmp_path: Path) -> Iterator["Build"]:
    """Give a way to build, which closes what it built."""
    with ExitStack() as ending:
        yield Build(tmp_path, ending)


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


@pytest.fixture
def lists() -> Iterator[ModelLists]:
    """Give a local server that lists two models."""
    with model_lists() as made:
        listed = [{"id": "qwen3:8b", "object": "model"}, {"id": "phi4", "object": "model"}]
        made.body = json.dumps({"object": "list", "data": listed}).encode()
        yield made


def any_names(offers: Offers) -> set[str]:
    """Name the providers that take any model."""
    return {model.provider for model in offers.models if model.name == ANY_MODEL}


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


def test_known_models_have_their_price(built: Build) -> None:
    offers = built(**ALL_KEYS).offers

    mini = offers.pick(ModelChoice(None, "gpt-4.1-mini"))
    assert mini.price == Price(Decimal("0.4"), Decimal("1.6"), Decimal("0.1"))
    priced = [model for model in offers.models if model.provider != "scripted"]
    assert all(model.price for model in priced)


def test_the_price_of_a_file_wins_and_an_unknown_model_has_none(built: Build) -> None:
    path = built.models_file(
        "models:\n"
        "- {provider: openai, name: gpt-4.1-mini, price: {input: 7, output: 8}}\n"
        "- {provider: openai, name: brand-new, window: 1000, max_output: 100}\n"
        "- {provider: local, name: llama, window: 1000, max_output: 100}\n"
    )
    offers = built(OPENAI_API_KEY="k", LOCAL_BASE_URL=NOBODY, MODELS_FILE=path).offers

    assert offers.default.price == Price(Decimal(7), Decimal(8), Decimal(7))
    assert offers.pick(ModelChoice(None, "brand-new")).price is None
    assert offers.pick(ModelChoice(None, "llama")).provider == "local"


def test_a_file_may_change_between_the_check_and_its_use(built: Build) -> None:
    path = built.models_file("models: []\n")
    settings = load_settings({"DATA_DIR": str(built.folder), "MODELS_FILE": path})
    built.models_file("models: 5\n")

    with pytest.raises(InvalidSettings, match=r"MODELS_FILE: models\.yaml, line 1: models"):
        build_providers(settings, Metrics())


@pytest.mark.parametrize(
    ("environ", "taking"),
    [
        (ALL_KEYS, set()),
        ({**ALL_KEYS, "ANTHROPIC_BASE_URL": NOBODY, "GOOGLE_GEMINI_BASE_URL": NOBODY}, set()),
        ({**ALL_KEYS, "OPENAI_BASE_URL": NOBODY}, {"gemini", "openai", "anthropic"}),
        ({"OPENAI_BASE_URL": NOBODY}, {"openai"}),
        (
            {**ALL_KEYS, "LOCAL_BASE_URL": NOBODY},
            {"gemini", "openai", "anthropic", "local"},
        ),
    ],
)
def test_names_go_unchecked_where_openai_or_a_local_server_has_an_address(
    built: Build, environ: dict[str, str], taking: set[str]
) -> None:
    assert any_names(built(**environ).offers) == taking


def test_an_unchecked_name_goes_to_the_provider_or_the_default_one(built: Build) -> None:
    offers = built(**ALL_KEYS, OPENAI_BASE_URL=NOBODY, DEFAULT_PROVIDER="anthropic").offers

    assert offers.pick(ModelChoice(None, "new")).provider == "anthropic"
    assert offers.pick(ModelChoice("gemini", "new")).provider == "gemini"
    with pytest.raises(ModelNotAvailable):
        offers.pick(ModelChoice("scripted", "new"))


def test_several_keys_are_spread_over(built: Build) -> None:
    spread = built(OPENAI_API_KEY="k, l").providers["openai"]

    assert isinstance(spread, SpreadProvider)
    assert spread.name == "openai"
    assert next(iter(spread.models)).name == "gpt-4.1-mini"


def test_one_key_is_asked_directly(built: Build) -> None:
    provider = built(OPENAI_API_KEY="k").providers["openai"]

    assert not isinstance(provider, SpreadProvider)


def test_a_local_server_offers_what_it_lists_without_a_default_by_setting(
    built: Build, lists: ModelLists
) -> None:
    offers = built(LOCAL_BASE_URL=lists.url).offers

    assert offers.default.name == "qwen3:8b"
    assert offers.pick(ModelChoice(None, "phi4")).provider == "local"
    assert offers.pick(ModelChoice(None, "phi4")).price is None


def test_a_local_server_that_lists_nothing_needs_the_name_of_a_model(built: Build) -> None:
    told = built(LOCAL_BASE_URL=NOBODY).refused()

    said = "It is needed where a local server answers: its models are its own."
    assert told == {"DEFAULT_MODEL": said}
    assert built(LOCAL_BASE_URL=NOBODY, DEFAULT_MODEL="llama").offers.default.name == "llama"
    first = built(LOCAL_BASE_URL=NOBODY, OPENAI_API_KEY="k").offers.default
    assert first.provider == "openai"


def test_the_default_model_belongs_to_whoever_has_it(built: Build) -> None:
    offers = built(**ALL_KEYS, DEFAULT_MODEL="claude-opus-5-5").offers

    assert (offers.default.provider, offers.default_provider) == ("anthropic", "anthropic")


@pytest.mark.parametrize("first", ["openai", "anthropic", "gemini"])
def test_a_name_that_several_offer_is_the_default_ones(built: Build, first: str) -> None:
    file = built.folder / "models.yaml"
    sizes = "window: 1000, max_output: 100"
    entries = [f"{{provider: {one}, name: twin, {sizes}}}" for one in ("openai", "anthropic")]
    entries.append(f"{{provider: gemini, name: twin, {sizes}}}")
    file.write_text("models: [" + ", ".join(entries) + "]")

    offers = built(**ALL_KEYS, MODELS_FILE=str(file), DEFAULT_PROVIDER=first).offers

    assert offers.pick(ModelChoice(None, "twin")).provider == first


@pytest.mark.parametrize(
    "environ",
    [
        {"DEFAULT_MODEL": "nobody-has-it"},
        {"DEFAULT_MODEL": "gpt-4.1", "DEFAULT_PROVIDER": "anthropic"},
        {"DEFAULT_MODEL": "nobody-has-it", "ANTHROPIC_BASE_URL": NOBODY},
    ],
)
def test_a_default_that_nobody_offers_is_refused(built: Build, environ: dict[str, str]) -> None:
    told = built(**{**ALL_KEYS, **environ}).refused()

    assert environ["DEFAULT_MODEL"] in told["DEFAULT_MODEL"]


def test_a_provider_without_models_cannot_be_the_default(built: Build) -> None:
    kept = built(OPENAI_API_KEY="k").providers["openai"].models
    text = "".join(f"- {{provider: openai, name: {m.name}, remove: true}}\n" for m in kept)
    path = built.models_file(f"models:\n{text}")

    assert "openai" in built(OPENAI_API_KEY="k", MODELS_FILE=path).refused()["DEFAULT_MODEL"]
    offers = built(OPENAI_API_KEY="k", GEMINI_API_KEY="g", MODELS_FILE=path).offers
    assert {model.provider for model in offers.models} == {"gemini", "scripted"}


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("none", []),
        ("openai", [("openai", None)]),
        ("gemini, anthropic/claude-opus-5-5", [("gemini", None), ("anthropic", "claude-opus-5-5")]),
        ("openai/gpt-5,openai", [("openai", "gpt-5"), ("openai", None)]),
    ],
)
def test_the_chain_of_failover_is_read(
    built: Build, text: str, chain: list[tuple[str, str | None]]
) -> None:
    upstreams = built(**ALL_KEYS, FAILOVER=text)

    found = failover_chain(upstreams.settings, upstreams.offers)
    assert found is not None
    assert list(found) == [ModelChoice(*pair) for pair in chain]


def test_a_model_of_a_failover_may_have_a_slash_in_its_name(built: Build) -> None:
    upstreams = built(OPENAI_BASE_URL=NOBODY, FAILOVER="openai/meta/llama")

    found = failover_chain(upstreams.settings, upstreams.offers)
    assert found == (ModelChoice("openai", "meta/llama"),)


def test_a_local_server_that_is_away_may_take_over_later(built: Build) -> None:
    upstreams = built(OPENAI_API_KEY="k", LOCAL_BASE_URL=NOBODY, FAILOVER="local")

    assert failover_chain(upstreams.settings, upstreams.offers) == (ModelChoice("local"),)


def test_all_wrong_names_are_told_at_once(built: Build) -> None:
    upstreams = built(
        OPENAI_API_KEY="k",
        ANTHROPIC_API_KEY="a",
        FAILOVER="nobody, gemini, openai/nobody-has-it, openai, scripted",
        DEFAULT_MODEL="neither-has-this",
    )

    told = upstreams.refused()
    assert set(told) == {"FAILOVER", "DEFAULT_MODEL"}
    for name in ("'nobody'", "'gemini'", "'nobody-has-it'", "scripted is a demonstration"):
        assert name in told["FAILOVER"]
    offers = Offers([MODEL], MODEL, "p")
    with pytest.raises(InvalidSettings, match="FAILOVER: 'nobody'"):
        failover_chain(upstreams.settings, offers)


MODEL = Model(provider="p", name="m", window=2, max_output=1)


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

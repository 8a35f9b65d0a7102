"""Settings in, offers out: the models, their prices, and the one that is the default."""

from datetime import date
from decimal import Decimal

import pytest
from subjects.upstreams import ALL_KEYS, NOBODY, Build
from wires.model_lists import ModelLists, model_lists

from services.bootstrap.named_models import endings
from services.domain.catalog import ANY_MODEL, ModelChoice, Offers
from services.domain.costs import Price
from services.domain.errors.requests import ModelNotAvailable


def any_names(offers: Offers) -> set[str]:
    """Name the providers that take any model."""
    return {model.provider for model in offers.models if model.name == ANY_MODEL}


def test_known_models_have_their_price(built: Build) -> None:
    offers = built(**ALL_KEYS).offers

    mini = offers.pick(ModelChoice(None, "gpt-4.1-mini"))
    assert mini.price == Price(Decimal("0.4"), Decimal("1.6"), Decimal("0.1"))
    priced = [model for model in offers.models if model.provider != "scripted"]
    assert all(model.price for model in priced)


def test_the_price_of_a_file_wins_and_an_unknown_model_has_none(built: Build) -> None:
    path = built.models_file(
        "models:\n"
        "- {provider: openai, name: gpt-6-luna, price: {input: 7, output: 8}}\n"
        "- {provider: openai, name: brand-new, window: 1000, max_output: 100}\n"
        "- {provider: local, name: llama, window: 1000, max_output: 100}\n"
    )
    offers = built(OPENAI_API_KEY="k", LOCAL_BASE_URL=NOBODY, MODELS_FILE=path).offers

    assert offers.default.price == Price(Decimal(7), Decimal(8), Decimal(7))
    assert offers.pick(ModelChoice(None, "brand-new")).price is None
    assert offers.pick(ModelChoice(None, "llama")).provider == "local"


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


def test_a_local_server_offers_what_it_lists_without_a_default_by_setting(
    built: Build, lists: ModelLists
) -> None:
    offers = built(LOCAL_BASE_URL=lists.url).offers

    assert offers.default.name == "qwen3:8b"
    assert offers.pick(ModelChoice(None, "phi4")).provider == "local"
    assert offers.pick(ModelChoice(None, "phi4")).price is None


def test_a_local_server_that_is_away_is_told_as_that(built: Build) -> None:
    told = built(LOCAL_BASE_URL=NOBODY).refused()

    assert list(told) == ["LOCAL_BASE_URL"]
    assert "cannot be reached" in told["LOCAL_BASE_URL"]
    assert "DEFAULT_MODEL" in told["LOCAL_BASE_URL"]


def test_a_local_server_that_lists_nothing_needs_the_name_of_a_model(built: Build) -> None:
    with model_lists() as lists:
        lists.body = b'{"data": []}'
        told = built(LOCAL_BASE_URL=lists.url).refused()

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


def test_a_model_that_has_ended_is_the_default_only_if_a_setting_names_it(built: Build) -> None:
    path = built.models_file(
        "models:\n"
        "- {provider: openai, name: gpt-6-luna, ends: 2026-01-01}\n"
        "- {provider: openai, name: gpt-6-astra, ends: 2026-01-01}\n"
    )
    settings = {"OPENAI_API_KEY": "k", "MODELS_FILE": path}

    assert built(**settings).offers.default.name == "gpt-6.1-terra"
    assert built(**settings, DEFAULT_MODEL="gpt-6-luna").offers.default.name == "gpt-6-luna"


def test_models_that_settings_name_and_that_end_are_told_with_the_setting(built: Build) -> None:
    day = date(2026, 11, 30)
    path = built.models_file(
        "models:\n"
        "- {provider: openai, name: gpt-6-luna, ends: 2027-02-28}\n"
        "- {provider: openai, name: gpt-6-astra, ends: 2027-03-01}\n"
        "- {provider: anthropic, name: claude-haiku-4-5, ends: 2026-11-30}\n"
    )
    failover = "anthropic/claude-haiku-4-5, openai/gpt-6-astra, anthropic"
    made = built(**ALL_KEYS, MODELS_FILE=path, DEFAULT_PROVIDER="openai", FAILOVER=failover)

    told = [str(one) for one in endings(made.settings, made.offers, day)]

    default = "gpt-6-luna of openai, which answers by default, ends on 2027-02-28."
    fallback = "FAILOVER: claude-haiku-4-5 of anthropic has ended on 2026-11-30."
    assert told == [f"{default} Set DEFAULT_MODEL.", f"{fallback} Name another model there."]


@pytest.mark.parametrize(
    ("environ", "untold"),
    [
        ({}, set()),
        ({"SCRIPTED": "on"}, set()),
        ({"OPENAI_API_KEY": "k"}, {"scripted"}),
        ({"OPENAI_API_KEY": "k", "SCRIPTED": "on"}, set()),
        ({"OPENAI_API_KEY": "k", "DEFAULT_PROVIDER": "scripted"}, set()),
        ({"OPENAI_API_KEY": "k", "DEFAULT_MODEL": "scripted-1"}, set()),
        ({"LOCAL_BASE_URL": NOBODY, "DEFAULT_MODEL": "llama"}, {"scripted"}),
    ],
)
def test_the_script_is_told_of_where_it_is_alone_or_asked_for(
    built: Build, environ: dict[str, str], untold: set[str]
) -> None:
    offers = built(**environ).offers

    assert offers.untold == untold
    assert offers.pick(ModelChoice("scripted")).name == "scripted-1"


def test_a_script_that_is_off_is_no_provider(built: Build) -> None:
    made = built(OPENAI_API_KEY="k", SCRIPTED="off")

    assert list(made.providers) == ["openai"]
    path = built.models_file(
        "models:\n"
        + "".join(
            f"- {{provider: openai, name: {one.name}, remove: true}}\n"
            for one in made.offers.models
        )
    )
    bare = built(OPENAI_API_KEY="k", SCRIPTED="off", MODELS_FILE=path, DEFAULT_MODEL="gpt-6-luna")
    assert "openai" in bare.refused()["DEFAULT_MODEL"]


def test_a_provider_without_models_cannot_be_the_default(built: Build) -> None:
    kept = built(OPENAI_API_KEY="k").providers["openai"].models
    text = "".join(f"- {{provider: openai, name: {m.name}, remove: true}}\n" for m in kept)
    path = built.models_file(f"models:\n{text}")

    assert "openai" in built(OPENAI_API_KEY="k", MODELS_FILE=path).refused()["DEFAULT_MODEL"]
    offers = built(OPENAI_API_KEY="k", GEMINI_API_KEY="g", MODELS_FILE=path).offers
    assert {model.provider for model in offers.models} == {"gemini", "scripted"}

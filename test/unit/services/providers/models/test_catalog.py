"""The models that are known, and how a file of settings changes them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import get_args

import pytest

from services.domain.catalog import Model, Tier
from services.domain.costs import Price
from services.providers.declaration import Vendor
from services.providers.models.catalog import Catalog
from services.providers.models.file import ModelsFile
from services.providers.models.prices import price_of
from services.providers.registry import VENDORS

KNOWN = Catalog.load()
ALL = [model for provider in VENDORS for model in KNOWN.models_of(provider)]
LISTED_BY_SDK = ("gemini", "openai", "anthropic")
OF_SDKS = [model for model in ALL if model.provider in LISTED_BY_SDK]


def extended(text: str) -> Catalog:
    return KNOWN.extended(ModelsFile.parse("models.yaml", dedent(text)))


def model(catalog: Catalog, provider: str, name: str) -> Model:
    (found,) = [one for one in catalog.models_of(provider) if one.name == name]
    return found


def names(catalog: Catalog, provider: str) -> list[str]:
    return [one.name for one in catalog.models_of(provider)]


@pytest.mark.parametrize(
    ("provider", "default"),
    [
        ("gemini", "gemini-3.8-flash"),
        ("openai", "gpt-6-luna"),
        ("anthropic", "claude-haiku-5-5"),
    ],
)
def test_the_default_of_a_vendor_is_small_and_has_large_siblings(
    provider: str, default: str
) -> None:
    first, *others = KNOWN.models_of(provider)

    assert (first.name, first.tier) == (default, Tier.SMALL)
    assert Tier.LARGE in {one.tier for one in others}


@pytest.mark.parametrize("provider", LISTED_BY_SDK)
def test_no_day_is_known_on_which_the_default_of_a_vendor_ends(provider: str) -> None:
    assert KNOWN.models_of(provider)[0].ends is None


def test_the_catalog_knows_when_openais_older_models_end() -> None:
    ends = {one.name: str(one.ends) for one in ALL if one.ends}

    assert ends == {
        "gpt-4.1-mini": "2027-01-14",
        "gpt-4.1": "2027-01-14",
        "gpt-4o-mini": "2027-01-14",
        "gpt-5-mini": "2026-12-11",
        "gpt-5": "2026-12-11",
    }


@pytest.mark.parametrize(("written", "ends"), [("2030-05-01", date(2030, 5, 1)), ("never", None)])
def test_a_file_says_when_a_model_ends(written: str, ends: date | None) -> None:
    line = f"models: [{{provider: openai, name: gpt-5, ends: {written}}}]"

    assert model(extended(line), "openai", "gpt-5").ends == ends


def test_models_of_before_are_still_there() -> None:
    assert {"gpt-4.1-mini", "gpt-4.1", "gpt-5-mini", "gpt-5", "gpt-4o-mini"} <= set(
        names(KNOWN, "openai")
    )


def test_the_models_of_a_local_server_are_its_own() -> None:
    assert KNOWN.models_of("local") == ()
    assert KNOWN.unlisted("local") is None
    assert KNOWN.models_of("scripted") == ()


@pytest.mark.parametrize("known", OF_SDKS, ids=lambda one: one.name)
def test_a_vendor_knows_the_name(known: Model) -> None:
    if known.provider == "openai":
        from openai.types.shared.chat_model import (  # noqa: PLC0415 - takes a second
            ChatModel,
        )

        assert known.name in get_args(ChatModel)
    elif known.provider == "anthropic":
        from anthropic.types.model import (  # noqa: PLC0415 - the same
            Model as ClaudeName,
        )

        assert known.name in get_args(get_args(ClaudeName)[0])
    else:
        found = find_spec("google.genai")
        assert found
        assert found.origin
        listed = Path(found.origin).with_name("_gaos") / "types" / "interactions" / "model.py"
        assert f'"{known.name}"' in listed.read_text()


@pytest.mark.parametrize("known", ALL, ids=lambda one: one.name)
def test_a_price_is_known_and_the_window_is_the_one_that_the_prices_know(known: Model) -> None:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - takes 250 ms

    theirs = VENDORS[known.provider].prices
    _, data = get_snapshot().find_provider_model(known.name, None, theirs, None)

    assert price_of(known.provider, known.name)
    assert data.id == known.name
    # The vendors round 1,048,576 to a million.
    assert known.window == pytest.approx(data.context_window, rel=0.05)
    assert 0 < known.max_output < known.window


def test_only_models_that_take_it_are_sent_a_temperature() -> None:
    taking = {one.name for one in OF_SDKS if one.takes_temperature and one.provider != "gemini"}

    assert taking == {"gpt-4.1-mini", "gpt-4.1", "gpt-4o-mini", "claude-haiku-4-5"}
    assert all(one.takes_temperature for one in KNOWN.models_of("gemini"))
    assert {one.max_temperature for one in KNOWN.models_of("anthropic")} == {1.0}
    assert all(one.reasons or one.takes_temperature for one in ALL)


@pytest.mark.parametrize(("provider", "most"), [("gemini", 2), ("openai", 2), ("anthropic", 1)])
def test_a_name_that_is_not_listed_is_sent_a_temperature(provider: str, most: float) -> None:
    unlisted = KNOWN.unlisted(provider)

    assert unlisted
    assert (unlisted.takes_temperature, unlisted.max_temperature) == (True, most)


def test_a_file_overrides_what_it_names_and_nothing_else() -> None:
    catalog = extended(
        """\
        models:
          - provider: openai
            name: gpt-4.1
            window: 200_000
            price: {input: 0.1, output: 0.30, cached_input: 0.05}
        """
    )

    price = Price(Decimal("0.1"), Decimal("0.30"), Decimal("0.05"))
    expected = replace(model(KNOWN, "openai", "gpt-4.1"), window=200_000, price=price)
    assert model(catalog, "openai", "gpt-4.1") == expected
    assert names(catalog, "openai") == names(KNOWN, "openai")
    assert catalog.models_of("anthropic") == KNOWN.models_of("anthropic")


def test_a_file_adds_a_model_with_all_that_is_known_of_it() -> None:
    catalog = extended(
        """\
        models:
          - provider: anthropic
            name: claude-next
            tier: large
            window: 2000000
            max_output: 100000
            reasons: true
            sees: false
            takes_temperature: true
            max_temperature: 0.5
            price:
              input: 3
              output: 15.25
        """
    )

    assert model(catalog, "anthropic", "claude-next") == Model(
        provider="anthropic",
        name="claude-next",
        tier=Tier.LARGE,
        window=2_000_000,
        max_output=100_000,
        reasons=True,
        sees=False,
        takes_temperature=True,
        max_temperature=0.5,
        price=Price(Decimal(3), Decimal("15.25"), Decimal(3)),
    )
    assert names(catalog, "anthropic") == [*names(KNOWN, "anthropic"), "claude-next"]


def test_what_an_added_model_does_not_say_is_as_for_names_that_are_not_listed() -> None:
    line = "models: [{provider: anthropic, name: next, window: 9000, max_output: 900}]"
    unlisted = KNOWN.unlisted("anthropic")

    assert unlisted
    assert model(extended(line), "anthropic", "next") == replace(
        unlisted, name="next", window=9000, max_output=900
    )


def test_a_file_adds_models_of_a_local_server() -> None:
    line = "models: [{provider: local, name: qwen3:8b, window: 9000, max_output: 900, sees: true}]"

    assert extended(line).models_of("local") == (
        Model(provider="local", name="qwen3:8b", window=9000, max_output=900, sees=True),
    )


def test_a_file_chooses_the_default() -> None:
    line = "models: [{provider: openai, name: gpt-6-astra, default: true}]"

    assert names(extended(line), "openai")[:2] == ["gpt-6-astra", "gpt-6-luna"]


def test_a_file_takes_models_away() -> None:
    line = "models: [{provider: openai, name: gpt-5, remove: true}]"

    assert names(extended(line), "openai") == [n for n in names(KNOWN, "openai") if n != "gpt-5"]


def test_what_is_switched_off_is_as_if_it_did_not_stand_there() -> None:
    line = "models: [{provider: openai, name: gpt-5, remove: false, default: false}]"

    assert extended(line).models_of("openai") == KNOWN.models_of("openai")


@pytest.mark.parametrize("name", ["4.1", "1e3", "yes", "null-model", "2026-11-21", "0x10"])
def test_a_bare_name_stays_the_text_that_was_written(name: str) -> None:
    line = f"models: [{{provider: openai, name: {name}, window: 10, max_output: 5}}]"

    assert names(extended(line), "openai")[-1] == name


def test_a_price_never_was_a_float() -> None:
    line = "models: [{provider: openai, name: gpt-5, price: {input: 0.1, output: 0.7}}]"
    price = model(extended(line), "openai", "gpt-5").price

    assert price
    assert (str(price.input), str(price.output), str(price.cached_input)) == ("0.1", "0.7", "0.1")


def test_a_file_says_what_holds_for_names_that_are_not_listed() -> None:
    line = "models: [{provider: local, name: '*', window: 32_768, max_output: 4_096}]"
    unlisted = extended(line).unlisted("local")

    assert unlisted
    assert (unlisted.window, unlisted.max_output) == (32_768, 4_096)
    assert extended(line).models_of("local") == ()


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
def test_the_file_of_a_vendor_names_its_own_models_only(vendor: Vendor) -> None:
    entries = ModelsFile.read(vendor.models).entries if vendor.models else []

    assert bool(entries) == bool(vendor.models)
    assert {entry.provider for entry in entries} <= {vendor.name}

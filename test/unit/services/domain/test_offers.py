"""The choice among the offered models."""

from dataclasses import replace

import pytest

from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers
from services.domain.errors.requests import InvalidRequest, ModelNotAvailable


def model(provider: str, name: str) -> Model:
    """Describe a model."""
    return Model(provider=provider, name=name, window=1000, max_output=100)


FAST, DEEP = model("one", "fast"), model("one", "deep")
TWIN, OTHER = model("two", "deep"), model("two", "other")
ANY = model("local", ANY_MODEL)
OFFERS = Offers([FAST, DEEP, TWIN, OTHER], DEEP, "one")
OPEN_OFFERS = Offers([FAST, DEEP, ANY], DEEP, "local")


@pytest.mark.parametrize(
    ("choice", "picked"),
    [
        (ModelChoice(), DEEP),
        (ModelChoice("one"), DEEP),
        (ModelChoice("two"), TWIN),
        (ModelChoice(None, "fast"), FAST),
        (ModelChoice(None, "deep"), DEEP),
        (ModelChoice("two", "deep"), TWIN),
        (ModelChoice(None, "other"), OTHER),
    ],
)
def test_a_choice_picks_its_model(choice: ModelChoice, picked: Model) -> None:
    assert OFFERS.pick(choice) == picked


def test_without_a_model_the_default_wins_over_the_order() -> None:
    assert Offers([FAST, DEEP], FAST, "one").pick(ModelChoice("one")) == FAST


@pytest.mark.parametrize("provider", [None, "local"])
def test_an_unknown_name_goes_to_the_provider_that_takes_any(provider: str | None) -> None:
    assert OPEN_OFFERS.pick(ModelChoice(provider, "llama:8b")) == model("local", "llama:8b")


def test_a_name_of_the_catalog_goes_to_its_own_provider() -> None:
    assert OPEN_OFFERS.pick(ModelChoice(None, "fast")) == FAST


@pytest.mark.parametrize(
    ("offers", "choice", "field"),
    [
        (OFFERS, ModelChoice(None, "unknown"), "model"),
        (OFFERS, ModelChoice("two", "fast"), "model"),
        (OFFERS, ModelChoice("three", "fast"), "provider"),
        (OFFERS, ModelChoice("three"), "provider"),
        (OPEN_OFFERS, ModelChoice("one", "unknown"), "model"),
        (OPEN_OFFERS, ModelChoice("local"), "model"),
        (Offers([FAST, ANY], FAST, "one"), ModelChoice(None, "unknown"), "model"),
    ],
)
def test_what_is_not_offered_is_refused_and_names_the_field(
    offers: Offers, choice: ModelChoice, field: str
) -> None:
    with pytest.raises(ModelNotAvailable) as refused:
        offers.pick(choice)

    assert list(refused.value.errors) == [field]
    assert ANY_MODEL not in refused.value.detail


def test_an_empty_choice_is_none() -> None:
    assert not ModelChoice()
    assert ModelChoice("one")
    assert ModelChoice(None, "fast")


def test_the_sign_for_any_name_is_no_name() -> None:
    with pytest.raises(ModelNotAvailable):
        OPEN_OFFERS.pick(ModelChoice("local", ANY_MODEL))


@pytest.mark.parametrize(
    ("temperature", "max_tokens", "wrong"),
    [
        (1.0, 100, []),
        (None, None, []),
        (1.1, 100, ["temperature"]),
        (2.0, 101, ["temperature", "max_tokens"]),
    ],
)
def test_a_model_says_what_it_cannot_do(
    temperature: float | None, max_tokens: int | None, wrong: list[str]
) -> None:
    cool = replace(FAST, max_temperature=1.0)
    if not wrong:
        cool.check(temperature=temperature, max_tokens=max_tokens)
        return
    with pytest.raises(InvalidRequest) as refused:
        cool.check(temperature=temperature, max_tokens=max_tokens)
    assert list(refused.value.errors) == wrong


def test_a_temperature_that_is_not_sent_is_not_refused() -> None:
    replace(FAST, takes_temperature=False, max_temperature=1.0).check(
        temperature=2.0, max_tokens=None
    )


def test_what_a_named_provider_does_not_offer_is_told_with_what_it_does() -> None:
    with pytest.raises(ModelNotAvailable) as refused:
        OFFERS.pick(ModelChoice("two", "fast"))
    assert refused.value.errors == {"model": ["two does not offer 'fast'. Known: deep, other."]}

"""By name, by provider, by wish: which model is asked first."""

from dataclasses import replace

import pytest
from subjects.choosing import (
    ALL,
    FLASH,
    GPT,
    HAIKU,
    KEYLESS,
    MINI,
    OPUS,
    PRO,
    SCRIPTED,
    Choosing,
    model,
    names,
)

from services.admission.breakers.base import BreakerRules
from services.admission.breakers.local import LocalBreakers
from services.domain.catalog import Model, ModelChoice, Offers, Strategy
from services.domain.errors.requests import ModelNotAvailable
from services.runs.asking.absences import Absences
from services.runs.asking.first_tokens import FirstTokens
from services.runs.asking.routing import Router, RoutingRules


@pytest.mark.parametrize(
    ("strategy", "first"),
    [
        (None, FLASH),
        (Strategy.BALANCED, FLASH),
        (Strategy.HEDGED, FLASH),
        (Strategy.CHEAP, MINI),
        (Strategy.QUALITY, PRO),
        (Strategy.FAST, FLASH),
    ],
)
def test_a_wish_chooses_the_first_model(strategy: Strategy | None, first: Model) -> None:
    assert Choosing().first(strategy) == first


@pytest.mark.parametrize("strategy", [None, *Strategy])
def test_a_named_model_answers_whatever_is_wished(strategy: Strategy | None) -> None:
    assert Choosing().first(strategy, name="haiku") == HAIKU


@pytest.mark.parametrize(
    ("strategy", "first"),
    [(None, MINI), (Strategy.BALANCED, MINI), (Strategy.QUALITY, GPT), (Strategy.CHEAP, MINI)],
)
def test_a_named_provider_answers_with_the_model_that_is_wished(
    strategy: Strategy | None, first: Model
) -> None:
    assert Choosing().first(strategy, provider="openai") == first


def test_the_default_model_answers_a_balanced_wish_whatever_its_tier() -> None:
    offers = Offers(ALL, GPT, "openai")
    assert Choosing(offers).first(Strategy.BALANCED) == GPT
    assert Choosing(offers).first() == GPT


def test_the_default_strategy_moves_only_the_default() -> None:
    choosing = Choosing(strategy=Strategy.CHEAP)
    chosen = choosing.router.choose(ModelChoice(), None)
    assert not chosen.choice  # a session with a model of its own keeps it
    assert chosen.offers.default == chosen.likely == MINI


def test_a_wish_of_the_request_wins_over_the_sessions_model() -> None:
    chosen = Choosing().router.choose(ModelChoice(), Strategy.QUALITY)
    assert chosen.choice == ModelChoice("gemini", "pro")


def test_the_fastest_is_the_one_that_was_fastest_lately() -> None:
    choosing = Choosing()
    for each, seconds in ((FLASH, 0.9), (MINI, 0.4), (HAIKU, 0.7)):
        choosing.times.record(each, seconds)

    assert choosing.first(Strategy.FAST) == MINI


def test_a_model_that_nobody_has_seen_lately_gets_its_chance() -> None:
    choosing = Choosing()
    for each, seconds in ((FLASH, 0.9), (MINI, 0.4)):
        choosing.times.record(each, seconds)

    assert choosing.first(Strategy.FAST) == HAIKU


def test_the_fastest_is_not_one_that_is_left_alone() -> None:
    choosing = Choosing()
    for each, seconds in ((FLASH, 0.9), (MINI, 0.4), (HAIKU, 0.7)):
        choosing.times.record(each, seconds)
    choosing.breakers.admit("openai", "mini")
    choosing.breakers.failed("openai", "mini")

    assert choosing.first(Strategy.FAST) == HAIKU


def test_a_wish_chooses_among_the_models_that_the_message_fits_into() -> None:
    router = Choosing().router
    small = replace(MINI, window=1000)
    cramped = Router(
        Offers((FLASH, small), FLASH, "gemini"),
        RoutingRules(),
        LocalBreakers(BreakerRules()),
        FirstTokens(),
        Absences(600),
    )
    assert router.choose(ModelChoice(), Strategy.CHEAP, 5000).likely == MINI
    assert cramped.choose(ModelChoice(), Strategy.CHEAP, 900).likely == small
    assert cramped.choose(ModelChoice(), Strategy.CHEAP, 5000).likely == FLASH
    assert cramped.choose(ModelChoice(), Strategy.CHEAP, 10**9).likely == small


def test_a_model_without_a_price_is_not_taken_for_cheap_and_a_local_one_is() -> None:
    unknown, local = model("openai", "unknown", None), model("local", "llama", None)
    assert Choosing(Offers((unknown, OPUS), OPUS, "anthropic")).first(Strategy.CHEAP) == OPUS
    assert Choosing(Offers((MINI, local), MINI, "openai")).first(Strategy.CHEAP) == local


@pytest.mark.parametrize("strategy", [None, *Strategy])
def test_without_any_key_the_script_answers_every_wish(strategy: Strategy | None) -> None:
    choosing = Choosing(KEYLESS)
    assert choosing.first(strategy) == SCRIPTED
    assert names(choosing.plan(SCRIPTED, strategy)) == ["scripted-1"]


def test_a_script_that_is_the_default_stays_it_beside_real_models() -> None:
    choosing = Choosing(Offers(ALL, SCRIPTED, "scripted"))
    assert choosing.first() == choosing.first(Strategy.BALANCED) == SCRIPTED
    assert choosing.first(Strategy.CHEAP) == MINI


def test_what_is_not_configured_is_refused() -> None:
    with pytest.raises(ModelNotAvailable) as refused:
        Choosing().first(Strategy.CHEAP, provider="azure")
    assert "provider" in refused.value.errors
    with pytest.raises(ModelNotAvailable):
        Choosing().first(name="gpt-99")

"""A model that ended, or that its provider does not know, is not chosen where nobody named it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from subjects.choosing import (
    FLASH,
    GPT,
    HAIKU,
    MINI,
    PRO,
    SCRIPTED,
    TODAY,
    Choosing,
    model,
    names,
    request_to,
)
from subjects.failover import ONE_TRY, failing, failovers
from worlds.played import PlayedProvider
from worlds.run_world import MakeWorld, said

from services.domain.catalog import Model, ModelChoice, Offers, Strategy
from services.domain.events import Done, Error
from services.runs.asking.absences import MOST_MODELS, Absences

NANO = model("gemini", "nano", 0.1)


def ended(known: Model, days: int = 0) -> Model:
    """Give a model whose last day was so many days ago."""
    return replace(known, ends=TODAY - timedelta(days=days))


def offering(*models: Model) -> Offers:
    """Offer models, the first by default."""
    return Offers(models, models[0], models[0].provider)


def instead(choosing: Choosing, gone: Model) -> list[str]:
    """Name the models that are asked in place of one."""
    return [one.model.name for one in choosing.router.instead_of(request_to(gone))]


@pytest.mark.parametrize(
    ("strategy", "first"),
    [(None, NANO), (Strategy.BALANCED, NANO), (Strategy.QUALITY, PRO), (Strategy.HEDGED, NANO)],
)
def test_what_has_ended_is_not_chosen_by_a_wish(strategy: Strategy | None, first: Model) -> None:
    choosing = Choosing(offering(ended(FLASH), PRO, NANO))

    assert choosing.first(strategy) == first


def test_a_model_is_chosen_until_the_day_before_its_end() -> None:
    last = ended(FLASH, days=-1)

    assert Choosing(offering(last, NANO)).first() == last


def test_the_wish_for_a_provider_is_answered_by_a_model_that_is_there() -> None:
    choosing = Choosing(offering(FLASH, ended(MINI), GPT))

    assert choosing.first(provider="openai") == GPT
    choosing.absences.gone(GPT)
    assert choosing.first(Strategy.CHEAP, provider="openai") == ended(MINI)  # there is no other


def test_what_has_ended_answers_for_nobody() -> None:
    choosing = Choosing(offering(FLASH, ended(MINI), GPT, HAIKU))

    assert names(choosing.plan(FLASH)) == ["flash", "gpt", "haiku"]
    assert names(Choosing(failover=(ModelChoice("openai", "mini"),)).plan(FLASH)) == [
        "flash",
        "mini",
    ]


def test_what_has_ended_is_still_asked_if_it_is_named() -> None:
    past = ended(FLASH)

    assert Choosing(offering(NANO, past)).first(name="flash") == past


def test_what_settings_name_is_asked_whatever_the_catalog_says_of_its_end() -> None:
    absences = Absences(600, {("gemini", "flash")}, day=lambda: TODAY)

    assert not absences.is_absent(ended(FLASH))
    assert absences.is_absent(ended(PRO))
    absences.gone(FLASH)
    assert absences.is_absent(ended(FLASH))


def test_a_model_that_is_gone_is_not_chosen_for_a_while() -> None:
    choosing = Choosing(offering(FLASH, PRO, NANO))
    choosing.absences.gone(FLASH)

    assert choosing.first() == choosing.first(Strategy.BALANCED) == NANO
    choosing.clock.now += 600
    assert choosing.first() == FLASH


def test_a_model_that_answered_is_there_again() -> None:
    choosing = Choosing()
    choosing.absences.gone(FLASH)

    choosing.absences.there(FLASH)

    assert choosing.first() == FLASH


def test_names_of_users_do_not_fill_the_memory() -> None:
    absences = Absences(600)
    for number in range(MOST_MODELS + 1):
        absences.gone(replace(FLASH, name=str(number)))

    assert not absences.is_absent(replace(FLASH, name="0"))
    assert absences.is_absent(replace(FLASH, name="1"))


def test_where_all_are_gone_the_first_is_asked_all_the_same() -> None:
    choosing = Choosing(offering(FLASH, PRO))
    for each in (FLASH, PRO):
        choosing.absences.gone(each)

    assert choosing.first() == FLASH
    assert names(choosing.plan(FLASH)) == ["flash"]


def test_others_of_the_provider_are_asked_instead_those_of_the_tier_first() -> None:
    choosing = Choosing(offering(FLASH, PRO, NANO, MINI))

    assert instead(choosing, FLASH) == ["nano", "pro"]
    choosing.absences.gone(NANO)
    assert instead(choosing, FLASH) == ["pro"]
    assert instead(choosing, MINI) == []
    assert instead(Choosing(), SCRIPTED) == []


@pytest.mark.parametrize(
    ("chain", "asked"),
    [
        ((), []),
        ((ModelChoice("anthropic"),), []),
        ((ModelChoice("gemini", "pro"),), []),
        ((ModelChoice("anthropic"), ModelChoice("gemini")), ["pro"]),
    ],
)
def test_a_configured_chain_says_whose_other_models_are_asked(
    chain: tuple[ModelChoice, ...], asked: list[str]
) -> None:
    assert instead(Choosing(failover=chain), FLASH) == asked


def test_a_message_that_does_not_fit_is_not_sent_to_another_model() -> None:
    tiny = replace(NANO, window=1000)

    assert instead(Choosing(offering(FLASH, tiny, PRO)), FLASH) == ["pro"]


def test_the_others_of_a_second_provider_are_asked_too(make_world: MakeWorld) -> None:
    gone = failing("model_not_found", may_retry=False)
    other = PlayedProvider([gone], said("from its second"), name="other")
    world = make_world([failing()], others=[other], rules=ONE_TRY, offers=world_offers(other))

    story = world.story_of(world.launch())

    assert isinstance(story.end, Done)
    assert story.text == "from its second"
    assert [(one["provider"], one["model"]) for one in failovers(story)] == [
        ("other", "large"),
        ("other", "small"),
    ]


def test_both_of_a_hedged_pair_may_be_gone(make_world: MakeWorld) -> None:
    gone = failing("model_not_found", may_retry=False)
    other = PlayedProvider([gone], said("after both"), name="other")
    world = make_world(
        [gone],
        others=[other],
        rules=ONE_TRY,
        offers=world_offers(other),
        hedge_seconds=0.01,
        is_named=False,
    )

    assert world.story_of(world.launch()).text == "after both"


def test_where_all_others_are_gone_too_the_first_refusal_is_told(make_world: MakeWorld) -> None:
    gone = failing("model_not_found", may_retry=False)
    other = PlayedProvider([gone], name="other")
    world = make_world(
        [gone], others=[other], rules=ONE_TRY, offers=world_offers(other), is_named=False
    )

    end = world.story_of(world.launch()).end

    assert isinstance(end, Error)
    assert end.code == "model_not_found"
    assert [one.model.name for one in other.requests] == ["large", "small"]


def world_offers(*providers: PlayedProvider) -> Offers:
    """Offer the models of providers."""
    return offering(*(one for provider in providers for one in provider.models))

"""By name, by provider, by wish: who is asked first, and who is asked after."""

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from services.admission.breakers.base import BreakerRules
from services.admission.breakers.local import LocalBreakers
from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers, Strategy, Tier
from services.domain.costs import Price
from services.domain.errors.requests import ModelNotAvailable
from services.domain.runs import ContextMessage, Image
from services.domain.sessions import MessageRole
from services.providers.base import ProviderRequest
from services.runs.asking.first_tokens import ENOUGH_FOR_A_TAIL, MOST_MODELS, FirstTokens
from services.runs.asking.routing import Router, RoutingRules
from services.runs.living.plan import Plan


def model(provider: str, name: str, dollars: float | None, tier: Tier = Tier.SMALL) -> Model:
    """Make a model whose input and output cost the same."""
    each = None if dollars is None else Decimal(str(dollars))
    price = None if each is None else Price(each, each, each)
    return Model(
        provider=provider, name=name, window=10_000, max_output=1000, price=price, tier=tier
    )


FLASH = model("gemini", "flash", 0.3)
PRO = model("gemini", "pro", 5, Tier.LARGE)
MINI = model("openai", "mini", 0.2)
GPT = model("openai", "gpt", 8, Tier.LARGE)
HAIKU = replace(model("anthropic", "haiku", 1), max_temperature=1.0)
OPUS = model("anthropic", "opus", 20, Tier.LARGE)
SCRIPTED = model("scripted", "scripted-1", None)
ALL = (FLASH, PRO, MINI, GPT, HAIKU, OPUS, SCRIPTED)
OFFERS = Offers(ALL, FLASH, "gemini")
KEYLESS = Offers((SCRIPTED,), SCRIPTED, "scripted")


class Choosing:
    """A router with what it knows."""

    def __init__(self, offers: Offers = OFFERS, **rules: object) -> None:
        """Know nothing yet."""
        self.breakers = LocalBreakers(BreakerRules(failures=1))
        self.times = FirstTokens()
        self.router = Router(offers, RoutingRules(**rules), self.breakers, self.times)  # type: ignore[arg-type]  # the rules' own fields

    def first(
        self, strategy: Strategy | None = None, provider: str | None = None, name: str | None = None
    ) -> Model:
        """Give who would be picked where the session names nothing."""
        chosen = self.router.choose(ModelChoice(provider, name), strategy)
        return chosen.offers.pick(chosen.choice)

    def plan(self, first: Model, strategy: Strategy | None = None, **fields: object) -> Plan:
        """Plan an answer."""
        return self.router.plan(replace(request_to(first), **fields), strategy)  # type: ignore[arg-type]  # the request's own fields


def request_to(first: Model) -> ProviderRequest:
    """Ask something short."""
    return ProviderRequest(
        model=first,
        messages=(ContextMessage(MessageRole.USER, "Hello", 2),),
        system_prompt=None,
        temperature=1.7,
        max_tokens=5000,
    )


def names(plan: Plan) -> list[str]:
    """Name who is asked, in order."""
    return [request.model.name for request in plan.requests]


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
    )
    assert router.choose(ModelChoice(), Strategy.CHEAP, 5000).likely == MINI
    assert cramped.choose(ModelChoice(), Strategy.CHEAP, 900).likely == small
    assert cramped.choose(ModelChoice(), Strategy.CHEAP, 5000).likely == FLASH
    assert cramped.choose(ModelChoice(), Strategy.CHEAP, 10**9).likely == small


def test_the_default_strategy_hedges_no_model_that_was_named() -> None:
    router = Choosing(strategy=Strategy.HEDGED).router
    assert router.plan(request_to(FLASH), None, is_named=True).hedge_seconds is None
    assert router.plan(request_to(FLASH), None).hedge_seconds is not None
    assert router.plan(request_to(FLASH), Strategy.HEDGED, is_named=True).hedge_seconds


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


@pytest.mark.parametrize(
    ("first", "strategy", "chain"),
    [
        (FLASH, None, ["flash", "mini", "haiku"]),
        (GPT, None, ["gpt", "pro", "opus"]),
        (HAIKU, Strategy.QUALITY, ["haiku", "pro", "gpt"]),
        (FLASH, Strategy.CHEAP, ["flash", "mini", "haiku"]),
    ],
)
def test_one_model_of_each_other_provider_is_asked_after(
    first: Model, strategy: Strategy | None, chain: list[str]
) -> None:
    assert names(Choosing().plan(first, strategy)) == chain


def test_the_configured_chain_is_followed_in_its_order() -> None:
    chain = (ModelChoice("anthropic"), ModelChoice("gemini", "pro"), ModelChoice("openai"))
    choosing = Choosing(failover=chain)
    assert names(choosing.plan(FLASH)) == ["flash", "haiku", "pro", "mini"]
    assert names(choosing.plan(GPT)) == ["gpt", "opus", "pro"]


def test_no_chain_is_no_failover() -> None:
    assert names(Choosing(failover=()).plan(FLASH)) == ["flash"]


def test_the_script_stands_in_for_nobody_and_is_replaced_by_nobody() -> None:
    choosing = Choosing()
    assert "scripted-1" not in names(choosing.plan(FLASH))
    assert names(choosing.plan(SCRIPTED)) == ["scripted-1"]


def test_each_model_is_asked_for_no_more_than_it_gives() -> None:
    plan = Choosing().plan(FLASH)
    assert [(r.max_tokens, r.temperature) for r in plan.requests] == [
        (1000, 1.7),
        (1000, 1.7),
        (1000, 1.0),
    ]


def test_a_smaller_window_gets_the_newest_messages_only() -> None:
    small = replace(MINI, window=1100)
    history = [
        ContextMessage(MessageRole.USER, "one", 80),
        ContextMessage(MessageRole.ASSISTANT, "two", 80),
        ContextMessage(MessageRole.USER, "three", 10),
    ]
    plan = Choosing(Offers((FLASH, small), FLASH, "gemini")).plan(FLASH, messages=history)
    assert [len(request.messages) for request in plan.requests] == [3, 1]


def test_a_model_that_cannot_take_the_message_is_not_asked() -> None:
    tiny = replace(MINI, window=1010)
    long = [ContextMessage(MessageRole.USER, "long", 500)]
    choosing = Choosing(Offers((FLASH, tiny, HAIKU), FLASH, "gemini"))
    assert names(choosing.plan(FLASH, messages=long)) == ["flash", "haiku"]


def test_a_picture_goes_only_to_models_that_see() -> None:
    seeing = replace(FLASH, sees=True), replace(HAIKU, sees=True)
    picture = [ContextMessage(MessageRole.USER, "Look", 2, (Image("image/png", b"x"),))]
    choosing = Choosing(Offers((seeing[0], MINI, seeing[1]), seeing[0], "gemini"))
    assert names(choosing.plan(seeing[0], messages=picture)) == ["flash", "haiku"]


def test_a_hedge_waits_as_long_as_nearly_all_first_tokens_took() -> None:
    choosing = Choosing(hedge_seconds=2.5)
    assert choosing.plan(FLASH, Strategy.HEDGED).hedge_seconds == 2.5
    for each in range(ENOUGH_FOR_A_TAIL):
        choosing.times.record(FLASH, each / 10)
    assert choosing.plan(FLASH, Strategy.HEDGED).hedge_seconds == 1.9
    assert choosing.plan(FLASH).hedge_seconds is None


def test_nothing_is_hedged_without_a_second_model() -> None:
    choosing = Choosing(Offers((FLASH,), FLASH, "gemini"))
    assert choosing.plan(FLASH, Strategy.HEDGED).hedge_seconds is None


def test_a_name_that_nobody_checks_has_the_others_behind_it() -> None:
    offers = Offers((replace(MINI, name=ANY_MODEL), FLASH), FLASH, "gemini")
    choosing = Choosing(offers)
    custom = choosing.first(provider="openai", name="my-own")
    assert names(choosing.plan(custom)) == ["my-own", "flash"]


def test_old_times_say_nothing_of_now() -> None:
    now = [0.0]
    times = FirstTokens(lambda: now[0])
    times.record(FLASH, 1.0)
    assert times.median(FLASH) == 1.0
    now[0] = 601.0
    assert times.median(FLASH) is None


def test_a_default_that_its_server_does_not_list_is_one_of_the_models() -> None:
    own = model("local", "llama", None)
    offers = Offers((model("local", ANY_MODEL, None), MINI), own, "local")
    choosing = Choosing(offers)
    assert choosing.first(Strategy.CHEAP) == own
    assert names(choosing.plan(MINI)) == ["mini", "llama"]
    assert names(choosing.plan(own)) == ["llama", "mini"]


def test_a_call_that_gave_no_token_is_slow_but_says_nothing_of_first_tokens() -> None:
    times = FirstTokens()
    for _ in range(ENOUGH_FOR_A_TAIL):
        times.record(FLASH, 0.5)
    for _ in range(ENOUGH_FOR_A_TAIL + 1):
        times.record(FLASH, math.inf)
    assert times.median(FLASH) == math.inf
    assert times.p95(FLASH) == 0.5


def test_names_that_users_think_of_fill_no_memory() -> None:
    times = FirstTokens()
    for number in range(MOST_MODELS):
        times.record(replace(FLASH, name=f"new-{number}"), 1.0)
    times.record(replace(FLASH, name="new-0"), 1.0)
    times.record(FLASH, 1.0)
    kept = [
        number
        for number in range(MOST_MODELS)
        if times.median(replace(FLASH, name=f"new-{number}")) is not None
    ]
    assert kept == [0, *range(2, MOST_MODELS)]

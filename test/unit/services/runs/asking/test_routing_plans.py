"""Which models are asked after the first, with what, and when they are asked beside it."""

from dataclasses import replace

import pytest
from subjects.choosing import FLASH, GPT, HAIKU, MINI, SCRIPTED, Choosing, model, names, request_to

from services.domain.catalog import ANY_MODEL, Model, ModelChoice, Offers, Strategy
from services.domain.runs import ContextMessage, Image
from services.domain.sessions import MessageRole
from services.runs.asking.first_tokens import ENOUGH_FOR_A_TAIL


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


def test_a_small_window_takes_a_message_without_the_unanswered_one_before_it() -> None:
    small = replace(MINI, window=1100)
    unanswered = ContextMessage(MessageRole.USER, "long", 500)
    message = ContextMessage(MessageRole.USER, "short", 10)
    choosing = Choosing(Offers((FLASH, small), FLASH, "gemini"))
    plan = choosing.plan(FLASH, messages=(unanswered, message))
    assert [list(r.messages) for r in plan.requests] == [[unanswered, message], [message]]


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


def test_the_default_strategy_hedges_no_model_that_was_named() -> None:
    router = Choosing(strategy=Strategy.HEDGED).router
    assert router.plan(request_to(FLASH), None, is_named=True).hedge_seconds is None
    assert router.plan(request_to(FLASH), None).hedge_seconds is not None
    assert router.plan(request_to(FLASH), Strategy.HEDGED, is_named=True).hedge_seconds


def test_a_name_that_nobody_checks_has_the_others_behind_it() -> None:
    offers = Offers((replace(MINI, name=ANY_MODEL), FLASH), FLASH, "gemini")
    choosing = Choosing(offers)
    custom = choosing.first(provider="openai", name="my-own")
    assert names(choosing.plan(custom)) == ["my-own", "flash"]


def test_a_default_that_its_server_does_not_list_is_one_of_the_models() -> None:
    own = model("local", "llama", None)
    offers = Offers((model("local", ANY_MODEL, None), MINI), own, "local")
    choosing = Choosing(offers)
    assert choosing.first(Strategy.CHEAP) == own
    assert names(choosing.plan(MINI)) == ["mini", "llama"]
    assert names(choosing.plan(own)) == ["llama", "mini"]

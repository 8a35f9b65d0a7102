"""What models cost, as the installed data have it."""

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from services.domain.costs import LongPrice, Price, Usage
from services.providers.models.prices import price_of

NOVEMBER = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_flat_price_has_no_steps() -> None:
    price = price_of("openai", "gpt-4.1-mini", NOVEMBER)

    assert price == Price(Decimal("0.4"), Decimal("1.6"), Decimal("0.1"))


def test_a_price_that_rises_with_the_input_has_its_steps() -> None:
    price = price_of("anthropic", "claude-haiku-5-5", NOVEMBER)

    step = LongPrice(100_000, Decimal("0.5"), Decimal("2.5"), Decimal("0.05"))
    assert price == Price(Decimal("0.1"), Decimal("0.5"), Decimal("0.01"), (step,))


def test_a_change_that_is_announced_comes_on_its_day() -> None:
    eve, day = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    before, after = (
        price_of("gemini", "gemini-4-argon", eve),
        price_of("gemini", "gemini-4-argon", day),
    )

    assert before
    assert after
    assert [before.input, after.input] == [Decimal(2), Decimal(4)]


def test_cached_input_costs_the_same_where_no_other_price_is_known() -> None:
    price = price_of("openai", "gpt-5-pro", NOVEMBER)

    assert price
    assert price.cached_input == price.input == 15


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "nobody-has-it"),
        ("openai", "claude-haiku-5-5"),
        ("openai", "text-embedding-3-small"),
        ("local", "gpt-4.1-mini"),
        ("scripted", "scripted-1"),
    ],
)
def test_what_is_not_known_has_no_price(provider: str, model: str) -> None:
    assert price_of(provider, model) is None


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "gpt-6-luna"), ("gemini", "gemini-3.8-flash"), ("anthropic", "claude-opus-5-5")],
)
def test_the_cost_is_what_the_package_itself_calculates(provider: str, model: str) -> None:
    from genai_prices import Usage as TheirUsage  # noqa: PLC0415 - takes 250 ms
    from genai_prices import calc_price  # noqa: PLC0415 - the same

    price = price_of(provider, model, NOVEMBER)
    assert price
    for given, cached in ((7, 0), (271_999, 1), (272_000, 272_000), (272_001, 99_999)):
        theirs = calc_price(
            TheirUsage(input_tokens=given, cache_read_tokens=cached, output_tokens=333),
            model,
            provider_id={"gemini": "google"}.get(provider, provider),
            genai_request_timestamp=NOVEMBER,
        )
        assert price.cost(Usage(given, 333, cached)).amount == theirs.total_price


def test_the_data_are_loaded_by_the_first_question_only() -> None:
    code = """
import sys
from services.providers.models.prices import price_of
price_of("local", "llama")
print("genai_prices" in sys.modules)
price_of("openai", "gpt-4.1-mini")
print("genai_prices" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["False", "True"]

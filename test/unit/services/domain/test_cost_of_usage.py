"""What a usage costs, to the last digit."""

from decimal import Decimal

import msgspec
import pytest

from services.domain.costs import LongPrice, Price, Usage

FLAT = Price(Decimal("0.4"), Decimal("1.6"), Decimal("0.1"))
STEPPED = Price(
    Decimal("0.1"),
    Decimal("0.5"),
    Decimal("0.01"),
    (
        LongPrice(100_000, Decimal("0.5"), Decimal("2.5"), Decimal("0.05")),
        LongPrice(200_000, Decimal(1), Decimal(5), Decimal("0.1")),
    ),
)


@pytest.mark.parametrize(
    ("usage", "amount"),
    [
        (Usage(), "0"),
        (Usage(input_tokens=1), "0.0000004"),
        (Usage(output_tokens=3), "0.0000048"),
        (Usage(10, 2), "0.0000072"),
        (Usage(10, 2, cached_tokens=10), "0.0000042"),
        (Usage(10, 2, cached_tokens=4), "0.000006"),
        (Usage(10, 2, reasoning_tokens=2), "0.0000072"),
        (Usage(1_000_000, 1_000_000), "2"),
        (Usage(123_456_789, 987_654_321, cached_tokens=23_456_789), "1622.5925925"),
    ],
)
def test_a_flat_price_is_exact(usage: Usage, amount: str) -> None:
    assert FLAT.cost(usage).amount == Decimal(amount)
    assert FLAT.cost(usage).currency == "USD"


@pytest.mark.parametrize(
    ("usage", "amount"),
    [
        (Usage(100_000, 1000), "0.0105"),
        (Usage(100_001, 1000), "0.0525005"),
        (Usage(200_000, 1000), "0.1025"),
        (Usage(200_001, 1000), "0.205001"),
        (Usage(1_000_000, 0, cached_tokens=999_999), "0.1000009"),
        (Usage(99_999, 500_000), "0.2599999"),
    ],
)
def test_above_a_step_every_token_of_the_call_costs_more(usage: Usage, amount: str) -> None:
    assert STEPPED.cost(usage).amount == Decimal(amount)


def test_cached_input_counts_towards_a_step() -> None:
    usage = Usage(100_001, 0, cached_tokens=100_001)

    assert STEPPED.cost(usage).amount == Decimal("0.00500005")


def test_a_price_that_was_stored_before_there_were_steps_is_read() -> None:
    stored = b'{"input":"0.4","output":"1.6","cached_input":"0.1"}'

    assert msgspec.json.decode(stored, type=Price) == FLAT


def test_a_price_with_steps_survives_its_storage() -> None:
    assert msgspec.json.decode(msgspec.json.encode(STEPPED), type=Price) == STEPPED

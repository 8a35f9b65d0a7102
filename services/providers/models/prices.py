"""What models cost, as the `genai-prices` package knows it; offline, loaded on the first question.

Its data are decimals; money is never a float here.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from services.domain.costs import LongPrice, Price
from services.providers.registry import VENDORS

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices


def price_of(provider: str, model: str, at: datetime | None = None) -> Price | None:
    """Look up what a model costs at a time, or now if none is given; None: not known.

    The standard rates: batches, priority and writing to a cache are not included. Vendors announce
    changes ahead, so the answer may be another tomorrow.
    """
    vendor = VENDORS.get(provider)
    if vendor is None or vendor.prices is None:
        return None
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - takes 250 ms

    try:
        _, found = get_snapshot().find_provider_model(model, None, vendor.prices, None)
    except LookupError:
        return None
    return _price(found.get_prices(at or datetime.now(UTC)))


def _price(rates: "ModelPrice") -> Price | None:
    given, made = rates.input_mtok, rates.output_mtok
    if given is None or made is None:
        return None
    cached = given if rates.cache_read_mtok is None else rates.cache_read_mtok
    starts = {start for rate in (given, made, cached) for start, _ in _steps(rate)}
    return Price(
        _rate(given, 0),
        _rate(made, 0),
        _rate(cached, 0),
        tuple(
            LongPrice(start, _rate(given, start), _rate(made, start), _rate(cached, start))
            for start in sorted(starts)
        ),
    )


def _steps(rate: "Decimal | TieredPrices") -> list[tuple[int, Decimal]]:
    """List the rates with the input above which each holds, the lowest first."""
    if isinstance(rate, Decimal):
        return []
    return sorted((step.start, step.price) for step in rate.tiers)


def _rate(rate: "Decimal | TieredPrices", above: int) -> Decimal:
    if isinstance(rate, Decimal):
        return rate
    held = [price for start, price in _steps(rate) if start <= above]
    return held[-1] if held else rate.base

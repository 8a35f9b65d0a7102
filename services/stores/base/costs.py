"""Costs as two columns: an amount in plain digits, and its currency."""

from decimal import Decimal

from services.domain.costs import Cost


def amount_text(cost: Cost | None) -> str | None:
    """Write an amount without an exponent."""
    return None if cost is None else format(cost.amount, "f")


def currency_of(cost: Cost | None) -> str | None:
    """Give the currency of a cost."""
    return None if cost is None else cost.currency


def cost_of(amount: Decimal | str | None, currency: str | None) -> Cost | None:
    """Read a cost; None: it is not known."""
    return None if amount is None or currency is None else Cost(Decimal(amount), currency)

"""The tokens of one call, as its figures come: in every frame, in the last one, in pieces."""

from typing import Annotated, TypeVar

import msgspec

from services.domain.costs import Usage
from services.domain.events import UsageReport

MOST_TOKENS = 2**31 - 1
"""No real answer has more tokens, and a database's integers are limited."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]
"""Tokens, in a vendor's figures."""

Total = Annotated[int, msgspec.Meta(ge=0)]
"""A sum of such figures."""

Figures = TypeVar("Figures", bound=msgspec.Struct)
"""A vendor's figures, each a Count or None."""


def raised(before: Figures, now: Figures) -> Figures:
    """Put the figures of a call together: they are cumulative, so none falls or is untold."""
    if before == type(now)():
        return now  # most servers tell them once
    higher = {}
    for name in now.__struct_fields__:
        told = [n for n in (getattr(before, name), getattr(now, name)) if n is not None]
        higher[name] = max(told, default=None)
    return type(now)(**higher)


def whole_of(whole: int | None, part: int | None) -> int | None:
    """Give a whole that includes its part: a part that is larger stands beside it."""
    if whole is None or part is None or part <= whole:
        return whole
    return whole + part


def report_of(
    tokens_in: int | None, tokens_out: int | None, cached: int | None, thoughts: int | None
) -> UsageReport | None:
    """Make a report; None where neither side was told, or where no answer can be so long."""
    if tokens_in is None and tokens_out is None:
        return None
    usage = Usage(
        tokens_in or 0, tokens_out or 0, cached_tokens=cached or 0, reasoning_tokens=thoughts or 0
    )
    if max(usage.input_tokens, usage.output_tokens) > MOST_TOKENS:
        return None
    return UsageReport(usage, lacks_input=tokens_in is None, lacks_output=tokens_out is None)

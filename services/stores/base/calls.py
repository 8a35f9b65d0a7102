"""The provider calls of an active run, whichever release told of them."""

from collections.abc import Sequence

from services.domain.costs import Price
from services.domain.events import Attempt
from services.domain.runs import Run


def known_calls(
    told: Sequence[Attempt] | None, count: int, run: Run, price: Price | None
) -> tuple[Attempt, ...]:
    """Give the calls that beats told of; None: only how many there were.

    Releases that told no more than that knew no other model than the one of the begin.
    """
    if told is not None:
        return tuple(told)
    return tuple(
        Attempt(number=number, provider=run.provider, model=run.model, price=price)
        for number in range(1, count + 1)
    )

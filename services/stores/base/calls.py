"""The provider calls of an active run, whichever release reported them."""

from collections.abc import Sequence

from services.domain.costs import Price
from services.domain.events import Attempt
from services.domain.runs import Run


def known_calls(
    told: Sequence[Attempt] | None, count: int, run: Run, price: Price | None
) -> tuple[Attempt, ...]:
    """Give the calls that the beats reported; None: they reported only how many there were.

    Releases that report only a number know no other model than that of the begin.
    """
    if told is not None:
        return tuple(told)
    return tuple(
        Attempt(number=number, provider=run.provider, model=run.model, price=price)
        for number in range(1, count + 1)
    )

"""What all calls of a run cost together."""

from dataclasses import replace
from decimal import Decimal

import pytest

from services.domain.costs import Cost, Usage
from services.domain.runs import AttemptOutcome, AttemptRecord
from services.runs.living.booking import total_cost

PAID = AttemptRecord(
    number=1,
    provider="p",
    model="m",
    outcome=AttemptOutcome.OK,
    usage=Usage(10, 5),
    cost=Cost(Decimal("0.25")),
)
REFUSED = replace(PAID, usage=Usage(), cost=None, outcome=AttemptOutcome.FAILED)
UNPRICED = replace(PAID, cost=None)


@pytest.mark.parametrize(
    ("attempts", "cost"),
    [
        ([PAID], PAID.cost),
        ([PAID, PAID], Cost(Decimal("0.50"))),
        ([REFUSED, PAID], PAID.cost),
        ([UNPRICED, PAID], None),
        ([UNPRICED], None),
        ([REFUSED], None),
        ([], None),
    ],
)
def test_the_cost_is_known_where_that_of_all_that_was_used_is(
    attempts: list[AttemptRecord], cost: Cost | None
) -> None:
    assert total_cost(attempts) == cost

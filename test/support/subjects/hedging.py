"""When the second of two models is asked, and how their calls are booked."""

from worlds.run_world import RunWorld

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError

SOON, NEVER_SOON = 0.03, 60.0
BUSY = ProviderError("Busy.", code=FailureCode.OVERLOADED, may_retry=True)


def rows_of(world: RunWorld) -> list[tuple[object, ...]]:
    """Give the calls as the ledger has them."""
    return [(row["provider"], row["outcome"], row["code"]) for row in world.ledger()]

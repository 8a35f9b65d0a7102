"""Failures that make another model answer, and what readers and the ledger are told of it."""

from worlds.run_world import RunWorld, Story

from services.domain.errors.codes import FailureCode
from services.domain.errors.upstream import ProviderError
from services.domain.events import Status, StatusState
from services.runs.asking.retries import RetryRules

ONE_TRY = RetryRules(retries=0, min_seconds=0, max_seconds=0, retry_after_max=120)
TWO_TRIES = RetryRules(retries=1, min_seconds=0, max_seconds=0.01, retry_after_max=120)


def failing(code: str = FailureCode.OVERLOADED, *, may_retry: bool = True) -> ProviderError:
    """Make a script that fails with this code."""
    return ProviderError("No.", code=FailureCode(code), may_retry=may_retry)


def failovers(story: Story) -> list[dict[str, object]]:
    """Give what readers were told about other models."""
    return [
        dict(event.detail)
        for _, event in story.events
        if isinstance(event, Status) and event.state is StatusState.FAILOVER
    ]


def booked(world: RunWorld) -> list[tuple[object, ...]]:
    """Give the ledger's calls: provider, outcome, code, tokens out."""
    return [
        (row["provider"], row["outcome"], row["code"], row["output_tokens"])
        for row in world.ledger()
    ]

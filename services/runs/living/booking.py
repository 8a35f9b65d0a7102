"""What the calls of a run used and cost, all together."""

from services.domain.costs import Cost, Usage, UsageSource, estimate_tokens
from services.domain.runs import AttemptRecord
from services.providers.base import ProviderRequest


def input_estimate(request: ProviderRequest) -> int:
    """Estimate what a call sends, in tokens."""
    prompt = estimate_tokens(request.system_prompt) if request.system_prompt else 0
    return prompt + sum(message.token_estimate for message in request.messages)


def total_usage(attempts: list[AttemptRecord]) -> Usage:
    """Add up what all calls of a run used; it is estimated where any is, or none was made."""
    usages = [attempt.usage for attempt in attempts]
    # Without a call no provider has counted anything.
    estimated = not usages or any(usage.source is UsageSource.ESTIMATED for usage in usages)
    return Usage(
        input_tokens=sum(usage.input_tokens for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        cached_tokens=sum(usage.cached_tokens for usage in usages),
        reasoning_tokens=sum(usage.reasoning_tokens for usage in usages),
        source=UsageSource.ESTIMATED if estimated else UsageSource.PROVIDER,
    )


def total_cost(attempts: list[AttemptRecord]) -> Cost | None:
    """Add up what all calls cost; None where the price of any that used something is not known."""
    costs = [one.cost for one in attempts if one.cost or _has_used(one.usage)]
    known = [cost.amount for cost in costs if cost is not None]
    if not known or len(known) < len(costs):
        return None
    return Cost(sum(known[1:], known[0]))


def _has_used(usage: Usage) -> bool:
    return usage.input_tokens > 0 or usage.output_tokens > 0

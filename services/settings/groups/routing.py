"""Which provider is asked, in which order, and how much each provider is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.domain.catalog import Strategy
from services.providers.registry import VENDORS
from services.settings import rules
from services.settings.groups.vendors import VendorLimits, limit_variables
from services.settings.variables import choice, family, seconds, text, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingSettings:
    """Strategy, failover, limits of the providers, the queue, the circuit breakers."""

    default_strategy: str = choice(
        "DEFAULT_STRATEGY",
        Strategy.BALANCED.value,
        Strategy,
        "How a model is chosen where a request names neither a model nor a strategy.",
    )
    failover: str | None = text(
        "FAILOVER",
        None,
        "Who answers where the chosen model cannot, in order; unset: one model of the same tier of "
        "each other provider; `none`: nobody.",
        'providers or provider/model by commas, such as "openai, anthropic/claude-haiku-4-5"',
        rules.failover,
    )
    model_gone_seconds: float = seconds(
        "MODEL_GONE_SECONDS",
        600,
        (0, 86_400),
        "How long a model that its provider did not know is not chosen where nobody names it.",
    )
    hedge_seconds: float = seconds(
        "HEDGE_SECONDS",
        3,
        (0.01, 600),
        "With the strategy `hedged`: when the second model is asked too, until enough first tokens "
        "of the first one were seen to know their 95th percentile.",
    )
    limits: Mapping[str, VendorLimits] = family(
        VendorLimits, {name: limit_variables(vendor) for name, vendor in VENDORS.items()}
    )
    window_seconds: float = seconds(
        "PROVIDER_WINDOW_SECONDS",
        60,
        (0.1, 3600),
        "How long the window of these limits is; it moves with the clock.",
    )
    queue_size: int = whole(
        "QUEUE_SIZE",
        1000,
        (1, 100_000),
        "Answers that may wait in each worker for room at a provider; a further message is 429.",
    )
    breaker_failures: int = whole(
        "BREAKER_FAILURES",
        5,
        (1, 1000),
        "Failures of a model in a row after which it is left alone, where there is another one.",
    )
    breaker_seconds: float = seconds(
        "BREAKER_SECONDS",
        30,
        (0.05, 3600),
        "How long a failing model is left alone before a single call probes it.",
    )

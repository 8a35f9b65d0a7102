"""Who is asked, in which order, and how much each provider is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.domain.catalog import Strategy
from services.settings import rules
from services.settings.groups.vendors import VendorLimits
from services.settings.variables import choice, seconds, text, whole

NO_LIMIT = "0: no limit"
MOST = 1_000_000_000


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
    hedge_seconds: float = seconds(
        "HEDGE_SECONDS",
        3,
        (0.01, 600),
        "With the strategy `hedged`: when the second model is asked too, until enough first tokens "
        "of the first one were seen to know their 95th percentile.",
    )
    gemini_rpm: int = whole(
        "GEMINI_RPM", 60, (0, MOST), f"Requests to Gemini in a window; {NO_LIMIT}."
    )
    gemini_tpm: int = whole(
        "GEMINI_TPM", 100_000, (0, MOST), f"Tokens of Gemini in a window; {NO_LIMIT}."
    )
    openai_rpm: int = whole(
        "OPENAI_RPM", 30, (0, MOST), f"Requests to OpenAI in a window; {NO_LIMIT}."
    )
    openai_tpm: int = whole(
        "OPENAI_TPM", 50_000, (0, MOST), f"Tokens of OpenAI in a window; {NO_LIMIT}."
    )
    anthropic_rpm: int = whole(
        "ANTHROPIC_RPM", 50, (0, MOST), f"Requests to Anthropic in a window; {NO_LIMIT}."
    )
    anthropic_tpm: int = whole(
        "ANTHROPIC_TPM", 80_000, (0, MOST), f"Tokens of Anthropic in a window; {NO_LIMIT}."
    )
    local_rpm: int = whole(
        "LOCAL_RPM", 0, (0, MOST), f"Requests to the local server in a window; {NO_LIMIT}."
    )
    local_tpm: int = whole(
        "LOCAL_TPM", 0, (0, MOST), f"Tokens of the local server in a window; {NO_LIMIT}."
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

    @property
    def limits(self) -> Mapping[str, VendorLimits]:
        """Give the limits of each vendor, by its name."""
        return {
            "gemini": VendorLimits(rpm=self.gemini_rpm, tpm=self.gemini_tpm),
            "openai": VendorLimits(rpm=self.openai_rpm, tpm=self.openai_tpm),
            "anthropic": VendorLimits(rpm=self.anthropic_rpm, tpm=self.anthropic_tpm),
            "local": VendorLimits(rpm=self.local_rpm, tpm=self.local_tpm),
        }

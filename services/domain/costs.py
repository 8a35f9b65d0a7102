"""Tokens and money: what a run used and what that costs."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class UsageSource(StrEnum):
    """Where a count comes from: the provider (the truth), or an estimate of this server."""

    PROVIDER = "provider"
    ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or several calls.

    `cached_tokens` are a part of the input, `reasoning_tokens` a part of the output.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    source: UsageSource = UsageSource.PROVIDER


@dataclass(frozen=True, slots=True)
class Cost:
    """An exact amount in a currency (ISO 4217)."""

    amount: Decimal
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class LongPrice:
    """The price of a million tokens, for all tokens of a call with more than `above` of input."""

    above: int
    input: Decimal
    output: Decimal
    cached_input: Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in US dollars; `long` are the dearer steps, the lowest first."""

    input: Decimal
    output: Decimal
    cached_input: Decimal
    long: tuple[LongPrice, ...] = ()

    def cost(self, usage: Usage) -> Cost:
        """Price the usage of one call.

        Cached input is billed at its own rate, reasoning as output. Price several calls one by one:
        added up, they could pass a step that none of them passes.
        """
        rates = self._rates(usage.input_tokens)
        fresh = usage.input_tokens - usage.cached_tokens
        amount = (
            rates.input * fresh
            + rates.cached_input * usage.cached_tokens
            + rates.output * usage.output_tokens
        )
        return Cost(amount / 1_000_000)

    def _rates(self, input_tokens: int) -> "Price | LongPrice":
        passed = [step for step in self.long if input_tokens > step.above]
        return passed[-1] if passed else self


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text: one for every four bytes of UTF-8, at least one.

    It is within about 30 % for English prose and on the safe side for other scripts. It serves to
    fit contexts and to bill a call whose provider reported nothing; such usage is marked as
    estimated.
    """
    return max(1, (len(text.encode()) + 3) // 4)

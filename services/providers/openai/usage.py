"""OpenAI's `usage`, and what other servers make of it."""

import msgspec

from services.domain.events import UsageReport
from services.providers.wire.figures import Count, Total, raised, report_of, whole_of


class Figures(msgspec.Struct):
    """The figures of a call so far; None: not told."""

    prompt: Count | None = None
    completion: Count | None = None
    total: Total | None = None
    cached: Count | None = None
    reasoning: Count | None = None

    def report(self) -> UsageReport | None:
        """Make a report; a side that was not told is what the total leaves for it."""
        tokens_in, tokens_out = self.prompt, self.completion
        if self.total is not None:
            if tokens_out is None and tokens_in is not None:
                tokens_out = max(0, self.total - tokens_in)
            elif tokens_in is None and tokens_out is not None:
                tokens_in = max(0, self.total - tokens_out)
        return report_of(
            whole_of(tokens_in, self.cached), self._output(tokens_out), self.cached, self.reasoning
        )

    def _output(self, answer: int | None) -> int | None:
        """Give what was written, with its reasoning: xAI counts that beside the answer."""
        sides = (self.prompt, self.completion, self.reasoning)
        if answer is not None and self.reasoning and self.total == sum(n or 0 for n in sides):
            return answer + self.reasoning
        return whole_of(answer, self.reasoning)


class _InputDetails(msgspec.Struct):
    cached_tokens: Count | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: Count | None = None


class _Usage(msgspec.Struct):
    """`input_tokens` and `output_tokens` are Anthropic's names, which some gateways leave."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Total | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cached_tokens: Count | None = None  # Moonshot
    prompt_cache_hit_tokens: Count | None = None  # DeepSeek
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


def raised_by(before: Figures, reported: object) -> Figures:
    """Add a usage to the figures; raises ValueError for an impossible figure.

    Figures as text ("12") and as whole fractions (12.0) are figures too.
    """
    told = msgspec.convert(reported, _Usage, strict=False)
    details_in, details_out = told.prompt_tokens_details, told.completion_tokens_details
    cached = (
        details_in.cached_tokens if details_in else None,
        told.cached_tokens,
        told.prompt_cache_hit_tokens,
    )
    now = Figures(
        prompt=_first(told.prompt_tokens, told.input_tokens),
        completion=_first(told.completion_tokens, told.output_tokens),
        total=told.total_tokens,
        cached=_first(*cached),
        reasoning=details_out.reasoning_tokens if details_out else None,
    )
    return raised(before, now)


def _first(*figures: int | None) -> int | None:
    return next((figure for figure in figures if figure is not None), None)

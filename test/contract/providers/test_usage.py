"""What every provider promises about the usage of an answer, and about what it ignores."""

import pytest
from wires.calls import ask, provider_of
from wires.fixtures import WireServer
from wires.steps import TEXT
from wires.subjects import FORMATS, KINDS, WIRES, Subject, base_url_of, model_of

from services.domain.costs import Usage
from services.domain.events import UsageReport

PASSED_OVER = {"plain": 0, "reasoning": 0, "usage-10-30": 1, "usage-cached": 1}
ODD_FRAMES = {"openai": 8, "anthropic": 14, "gemini": 8}
"""How many things in `odd` mean nothing in each format."""

every_kind = pytest.mark.parametrize("kind", KINDS)
every_wire = pytest.mark.parametrize("subject", WIRES, indirect=True)


@pytest.mark.parametrize(
    ("scenario", "usage"),
    [
        ("plain", Usage(12, 6, cached_tokens=4, reasoning_tokens=2)),
        ("usage-at-the-bound", Usage(2**31 - 1, 0)),
        ("zero-usage", Usage(0, 0)),
    ],
)
@every_wire
def test_a_usage_is_the_providers_with_its_parts_and_told_once(
    subject: Subject, scenario: str, usage: Usage
) -> None:
    outcome = subject.ask(scenario)

    assert [e.usage for e in outcome.events if isinstance(e, UsageReport)] == [usage]
    assert (outcome.text, outcome.ending) == (TEXT, "stop")


@pytest.mark.parametrize("figure", ["64-bits", "10-30", "negative", "cached", "reasoning"])
@every_wire
def test_a_usage_with_an_impossible_figure_is_missing_and_the_answer_whole(
    subject: Subject, figure: str
) -> None:
    outcome = subject.ask(f"usage-{figure}")

    reports = [event for event in outcome.events if isinstance(event, UsageReport)]
    assert not any(report.is_whole for report in reports)
    assert (outcome.text, outcome.ending) == (TEXT, "stop")


@every_wire
def test_a_usage_that_nobody_tells_is_missing_and_the_answer_whole(subject: Subject) -> None:
    outcome = subject.ask("no-usage")

    assert (outcome.usage, outcome.text, outcome.ending) == (None, TEXT, "stop")


def passed_over(kind: str, wire: WireServer, scenario: str) -> int:
    """Make a call, and count what its provider ignores."""
    counted: list[str] = []
    provider = provider_of(
        kind,
        base_url_of(kind, wire.url),
        models=(model_of(kind),),
        on_ignored=lambda: counted.append("one"),
    )
    ask(provider, model=scenario)
    provider.close()
    return len(counted)


@pytest.mark.parametrize("scenario", PASSED_OVER)
@every_kind
def test_what_is_passed_over_is_told(kind: str, wire: WireServer, scenario: str) -> None:
    assert passed_over(kind, wire, scenario) == PASSED_OVER[scenario]


@every_kind
def test_what_is_unknown_is_passed_over(kind: str, wire: WireServer) -> None:
    assert passed_over(kind, wire, "odd") == ODD_FRAMES[FORMATS[kind]]

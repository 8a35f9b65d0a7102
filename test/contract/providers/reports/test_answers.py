"""What real servers send with a status of 200, and what becomes of it."""

from collections.abc import Callable

import pytest
from reports.answers import Report, answer_reports
from wires.calls import Outcome
from wires.steps import Answer

from services.domain.events import UsageReport

Play = Callable[[str, Answer], tuple[Outcome, int]]

PLAYED = [
    pytest.param(kind, report, id=f"{report.kind}-{number}-{kind}")
    for number, report in enumerate(answer_reports())
    for name in report.formats
    for kind in ((name, "local") if report.format == "each" and name == "openai" else (name,))
]


def sides_of(outcome: Outcome) -> list[int | None] | None:
    """Give the last usage: input, output, cached, reasoning; None for a side that was not told."""
    reports = [event for event in outcome.events if isinstance(event, UsageReport)]
    if not reports:
        return None
    last = reports[-1]
    usage = last.usage
    return [
        None if last.lacks_input else usage.input_tokens,
        None if last.lacks_output else usage.output_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
    ]


@pytest.mark.parametrize(("kind", "report"), PLAYED)
def test_what_a_server_sends_becomes_what_it_means(kind: str, report: Report, play: Play) -> None:
    expected = report.expected
    name = "openai" if kind == "local" else kind

    outcome, ignored = play(kind, report.answer(name))

    assert (outcome.ending, outcome.text, outcome.thoughts) == (
        expected.ending,
        expected.text,
        expected.thoughts,
    )
    if outcome.error is not None:
        assert outcome.error.retryable == expected.retryable
        assert expected.says in outcome.error.detail
    if expected.usage is not None:
        assert sides_of(outcome) == (list(expected.usage) or None)
    if expected.ignored is not None:
        assert ignored == expected.ignored

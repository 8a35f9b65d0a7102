"""How each call of a run is booked: once, in its place, and for what it used."""

import pytest
from subjects.called_run import OTHER, QUESTION_TOKENS, CalledRun
from worlds.stores import SMALL

from services.domain.costs import Usage, UsageSource
from services.domain.events import Content, UsageReport
from services.domain.runs import AttemptOutcome
from services.runs.living.calls import CallEnd

USED = Usage(7, 3)


@pytest.fixture
def run() -> CalledRun:
    """Give a run that has made no call."""
    return CalledRun()


def say(run: CalledRun, text: str) -> None:
    """Have the answering call write a piece of the answer."""
    run.clock.hear()
    run.writer.append(Content(text))


def test_a_call_that_has_ended_stays_as_it_was_booked(run: CalledRun) -> None:
    call = run.begin()
    first = run.calls.end(call, AttemptOutcome.OK)
    call.reported = UsageReport(USED)
    again = run.calls.end(call, AttemptOutcome.FAILED, "upstream_cut")
    run.calls.seal(AttemptOutcome.CANCELLED, "stopped")

    assert again is first
    assert run.booked == [(1, "ok", "")]
    assert len(run.calls.ends) == 1


def test_calls_are_booked_in_the_order_of_their_numbers(run: CalledRun) -> None:
    calls = [run.begin() for _ in range(3)]
    for call in (calls[2], calls[0], calls[1]):
        run.calls.end(call, AttemptOutcome.FAILED, "upstream_cut")

    assert [number for number, _, _ in run.booked] == [1, 2, 3]


def test_an_end_is_told_by_the_code_of_its_failure_or_else_by_its_outcome(run: CalledRun) -> None:
    first, second, third = run.begin(), run.begin(OTHER), run.begin(OTHER)
    run.calls.end(first, AttemptOutcome.FAILED, "upstream_cut")
    run.calls.end(second, AttemptOutcome.CANCELLED, "stopped")
    run.calls.end(third, AttemptOutcome.OK)

    assert run.calls.ends == [
        CallEnd("scripted", "upstream_cut"),
        CallEnd("other", "cancelled"),
        CallEnd("other", "ok"),
    ]


def test_what_the_provider_counted_is_booked_with_its_cost(run: CalledRun) -> None:
    call = run.begin(SMALL)
    call.reported = UsageReport(USED)
    say(run, "some words")

    booked = run.calls.end(call, AttemptOutcome.OK)

    assert SMALL.price is not None
    assert (booked.usage, booked.cost) == (USED, SMALL.price.cost(USED))


def test_where_nobody_counted_the_answer_is_estimated_by_its_text(run: CalledRun) -> None:
    call = run.begin()
    run.calls.think("Hm")
    say(run, "words")

    usage = run.calls.end(call, AttemptOutcome.CANCELLED, "stopped").usage

    assert usage == Usage(
        input_tokens=QUESTION_TOKENS,
        output_tokens=len("Hmwords"),
        reasoning_tokens=len("Hm"),
        source=UsageSource.ESTIMATED,
    )


@pytest.mark.parametrize(
    ("report", "usage"),
    [
        (UsageReport(Usage(900, 0, cached_tokens=800), lacks_output=True), (900, 7, 800, 2)),
        (UsageReport(Usage(900, 30, reasoning_tokens=30), lacks_output=True), (900, 35, 0, 30)),
        (
            UsageReport(Usage(0, 9, reasoning_tokens=4), lacks_input=True),
            (QUESTION_TOKENS, 9, 0, 4),
        ),
        (UsageReport(Usage(0, 9, cached_tokens=500), lacks_input=True), (500, 9, 500, 0)),
        (UsageReport(Usage(900, 0)), (900, 0, 0, 0)),
    ],
)
def test_only_a_figure_that_was_not_told_is_estimated(
    run: CalledRun, report: UsageReport, usage: tuple[int, int, int, int]
) -> None:
    call = run.begin()
    run.calls.think("Hm")
    say(run, "words")
    call.reported = report

    booked = run.calls.end(call, AttemptOutcome.OK).usage

    source = UsageSource.PROVIDER if report.is_whole else UsageSource.ESTIMATED
    assert booked == Usage(*usage, source=source)


def test_a_call_that_was_refused_is_not_estimated_for_half_of_its_figures(run: CalledRun) -> None:
    call = run.begin()
    call.reported = UsageReport(Usage(900, 0), lacks_output=True)

    booked = run.calls.end(call, AttemptOutcome.FAILED, "upstream_overloaded", was_refused=True)

    assert booked.usage == Usage()


def test_the_words_of_the_answer_are_no_other_calls(run: CalledRun) -> None:
    loser, winner = run.begin(), run.begin(OTHER)
    say(run, "words")
    run.calls.answer_from(winner)

    assert run.calls.end(loser, AttemptOutcome.CANCELLED).usage.output_tokens == 0
    assert run.calls.end(winner, AttemptOutcome.OK).usage.output_tokens == len("words")


def test_a_call_that_was_refused_has_used_nothing(run: CalledRun) -> None:
    booked = run.calls.end(
        run.begin(), AttemptOutcome.FAILED, "upstream_rejected", was_refused=True
    )

    assert booked.usage == Usage()


def test_what_the_answer_used_is_known_once_its_call_is_booked(run: CalledRun) -> None:
    told = [run.calls.answer_usage]
    loser, winner = run.begin(OTHER), run.begin()
    loser.reported, winner.reported = UsageReport(Usage(1, 1)), UsageReport(USED)
    run.calls.answer_from(winner)
    told.append(run.calls.answer_usage)
    run.calls.end(winner, AttemptOutcome.OK)
    told.append(run.calls.answer_usage)

    assert told == [None, None, USED]

"""Every refusal of `reports.yaml`, over HTTP: what comes of it, and how often one is asked."""

from collections.abc import Iterator

import pytest
from reports.refusals import AGAIN, CODES, INSTEAD, PROMPTS, Report, has, provider_at, reports
from reports.refusing_server import RefusingServer
from wires.calls import Outcome, ask
from wires.steps import TEXT

from services.providers.base import Provider
from services.providers.declaration import BaseUrl
from services.providers.registry import VENDORS

PROMPT = "Be brief."
NONE = BaseUrl("", "")
NAMES = {name for vendor in VENDORS.values() for name in (vendor.base_url or NONE).may_refuse}


def name_of(report: Report) -> str:
    return f"{report.kind}-{report.report or report.server}"


def of(*kinds: str) -> pytest.MarkDecorator:
    """Take the reports of these kinds."""
    chosen = [each for each in reports() if each.kind in kinds]
    return pytest.mark.parametrize("report", chosen, ids=name_of)


@pytest.fixture
def provider(upstream: RefusingServer, report: Report) -> Iterator[Provider]:
    """Give an adapter of the report's format, whose server refuses as reported."""
    upstream.refuse(report.rule)
    made = provider_at(report.format, upstream.url, omit=report.omit)
    yield made
    made.close()


def put(provider: Provider) -> Outcome:
    return ask(provider, "Hello", system_prompt=PROMPT, max_tokens=77)


@of("field")
def test_a_field_that_is_refused_by_name_is_left_out_at_once_and_from_then_on(
    provider: Provider, upstream: RefusingServer
) -> None:
    first, asked = put(provider), len(upstream.calls)
    second = put(provider)

    assert [(each.ending, each.text) for each in (first, second)] == [("stop", TEXT)] * 2
    assert (asked, len(upstream.calls)) == (2, 3)


@of("field")
def test_nothing_else_is_left_out_with_it(
    provider: Provider, upstream: RefusingServer, report: Report
) -> None:
    put(provider)

    refused, taken = (call.body for call in upstream.calls)
    sent = {name for name in NAMES if has(refused, name)}
    left = {name for name in NAMES if has(taken, name)}
    within = {"thinkingLevel"} if report.field == "thinkingConfig" else set()
    assert sent - left == {report.field} | within
    assert left - sent == {INSTEAD[report.field]} if report.field in INSTEAD else not left - sent
    if report.field in INSTEAD:
        assert taken[INSTEAD[report.field]] == refused[report.field] == 77


@of("field")
def test_a_prompt_that_is_refused_stands_before_the_first_question(
    provider: Provider, upstream: RefusingServer, report: Report
) -> None:
    put(provider)

    sent = upstream.calls[-1].body
    asked = sent["contents"][0]["parts"] if "contents" in sent else sent["messages"][-1]["content"]
    is_joined = PROMPT in str(asked) and "Hello" in str(asked)
    assert is_joined == (report.field in PROMPTS)


@of(*CODES)
def test_a_refusal_is_told_by_what_it_says_and_asked_once(
    provider: Provider, upstream: RefusingServer, report: Report
) -> None:
    failure = put(provider).failure

    assert (failure.code, failure.retryable) == (CODES[report.kind], report.kind in AGAIN)
    assert len(upstream.calls) == 1


@of("rejected", "overloaded", "limited", "over")
def test_its_words_are_quoted(provider: Provider, report: Report) -> None:
    said = put(provider).failure.detail

    assert (
        report.says in said
        or report.says not in report.refusal.body.decode().partition('"message"')[2]
    )


@of("filter")
def test_content_that_a_filter_refuses_is_an_empty_answer_that_was_filtered(
    provider: Provider, upstream: RefusingServer
) -> None:
    outcome = put(provider)

    assert (outcome.ending, outcome.text, outcome.error) == ("content_filter", "", None)
    assert len(upstream.calls) == 1


@of("key")
def test_of_a_refused_key_nothing_is_quoted(provider: Provider, report: Report) -> None:
    assert report.says not in put(provider).failure.detail


def test_each_report_says_what_it_is_said_to_say() -> None:
    for report in reports():
        assert report.says in report.body.replace('\\"', '"'), report
        assert not report.field or has(
            {report.field: 1, "messages": [{"role": "system"}]}, report.field
        )

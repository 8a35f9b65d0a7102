"""What only Anthropic's protocol has; the tests of every provider hold the rest."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from wires.calls import KEY, ask, collect, provider_of, request_to
from wires.fixtures import WireServer
from wires.model_lists import ModelLists
from wires.sdk_environment import assert_changes_nothing
from wires.steps import TEXT

from services.domain.catalog import Model
from services.domain.costs import Usage
from services.domain.errors.upstream import ProviderError
from services.domain.events import UsageReport
from services.providers.base import Provider

MODELS = (Model(provider="anthropic", name="plain", window=200_000, max_output=64_000),)


def anthropic_at(base_url: str, **more: Any) -> Provider:
    """Build the adapter with one model."""
    return provider_of("anthropic", base_url, **({"models": MODELS} | more))


@pytest.fixture
def provider(wire: WireServer) -> Iterator[Provider]:
    """Give the adapter on the wire server."""
    made = anthropic_at(wire.url)
    yield made
    made.close()


@pytest.mark.parametrize(
    "model",
    [
        "unnamed",
        "text-at-start",
        "no-done",
        "more-after-done",
        "paused",
        "stop-sequence",
        "new-reason",
    ],
)
def test_a_complete_answer_is_whole_in_whatever_shape_it_comes(
    provider: Provider, model: str
) -> None:
    outcome = ask(provider, model=model)

    assert outcome.text == TEXT
    assert outcome.ending == "stop"


def test_a_full_window_is_a_limit_of_length(provider: Provider) -> None:
    assert ask(provider, model="window").ending == "length"


def test_what_came_before_a_refusal_is_kept_and_ends_as_filtered(provider: Provider) -> None:
    outcome = ask(provider, model="refusal")

    assert (outcome.text, outcome.ending) == ("I will not.", "content_filter")


def test_the_figures_at_the_end_win_over_those_at_the_beginning(provider: Provider) -> None:
    outcome = ask(provider, model="usage-at-the-end")

    assert outcome.usage == Usage(13, 9, cached_tokens=4, reasoning_tokens=2)


@pytest.mark.parametrize(
    ("model", "report"),
    [
        ("no-input-usage", UsageReport(Usage(0, 6, reasoning_tokens=2), lacks_input=True)),
        ("no-output-usage", UsageReport(Usage(12, 0, cached_tokens=4), lacks_output=True)),
        ("stall", UsageReport(Usage(12, 0, cached_tokens=4), lacks_output=True)),
    ],
)
def test_a_usage_says_which_figure_it_lacks(
    provider: Provider, model: str, report: UsageReport
) -> None:
    events = ask(provider, model=model).events

    assert [event for event in events if isinstance(event, UsageReport)] == [report]


def test_a_usage_that_cannot_be_changes_nothing_of_one_before(provider: Provider) -> None:
    assert ask(provider, model="usage-corrected").usage == Usage(12, 6, 4, 2)


def test_each_frame_of_a_call_of_a_tool_is_passed_over(wire: WireServer) -> None:
    passed_over: list[str] = []
    provider = anthropic_at(wire.url, on_ignored=lambda: passed_over.append("something"))

    ask(provider, model="tool-calls")
    provider.close()

    assert len(passed_over) == 2


@pytest.mark.parametrize(
    ("model", "code", "text"),
    [
        ("error-of-nothing", "upstream_error", TEXT),
        ("limited-first", "upstream_rate_limited", ""),
        ("limited-later", "upstream_rate_limited", TEXT),
        ("only-done", "upstream_cut", TEXT),
    ],
)
def test_a_failure_keeps_what_came_and_may_be_tried_again(
    provider: Provider, wire: WireServer, model: str, code: str, text: str
) -> None:
    outcome = ask(provider, model=model)

    assert (outcome.ending, outcome.text) == (code, text)
    assert outcome.failure.retryable
    assert wire.live(until=0) == 0


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("spent", "upstream_rate_limited"),
        ("status-402", "upstream_rate_limited"),
    ],
)
def test_a_final_refusal_is_told_as_final(provider: Provider, model: str, code: str) -> None:
    error = ask(provider, model=model).failure

    assert error.code == code
    assert not error.retryable


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("rate-limited", "status 429. Slow down."),
        ("error-later", "in the middle of the answer. Broke, key=[key]"),
        ("error-event", "in the middle of the answer. Broke."),
    ],
)
def test_a_failure_says_what_the_upstream_said(provider: Provider, model: str, said: str) -> None:
    assert ask(provider, model=model).failure.detail.endswith(said)


def test_the_request_holds_these_fields_and_no_other(provider: Provider, wire: WireServer) -> None:
    ask(provider, "Grüße", model="plain", system_prompt="Be brief.", max_tokens=77)

    assert wire.seen()["last"] == {
        "stream": True,
        "model": "plain",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Grüße"}],
        "max_tokens": 77,
        "temperature": 0.5,
    }


def test_the_key_goes_out_in_both_headers(provider: Provider, wire: WireServer) -> None:
    ask(provider, model="plain")

    headers = wire.seen()["headers"]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-api-key"] == KEY


@pytest.mark.parametrize(
    ("takes_temperature", "version"), [(True, "2023-06-01"), (False, "2026-10-21")]
)
def test_a_temperature_is_sent_in_the_version_that_still_takes_one(
    provider: Provider, wire: WireServer, *, takes_temperature: bool, version: str
) -> None:
    request = request_to(provider)
    model = replace(request.model, takes_temperature=takes_temperature)

    collect(provider.stream(replace(request, model=model)))

    seen = wire.seen()
    assert seen["headers"]["anthropic-version"] == version
    assert ("temperature" in seen["last"]) is takes_temperature


def test_a_base_url_may_end_with_the_version(wire: WireServer) -> None:
    provider = anthropic_at(f"{wire.url}/v1/")

    assert ask(provider, model="plain").text == TEXT
    provider.close()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b"<h1>Hello</h1>", "upstream_protocol"),
        (200, b'{"data": null}', "upstream_protocol"),
        (200, b'{"data": [{"name": "plain"}]}', "upstream_protocol"),
        (200, b"[" * 10_000, "upstream_protocol"),
        (401, b'{"type": "error"}', "upstream_unauthorized"),
        (529, b"Overloaded.", "upstream_overloaded"),
    ],
)
def test_a_list_that_is_none_is_a_providers_failure(
    lists: ModelLists, status: int, body: bytes, code: str
) -> None:
    lists.status, lists.body = status, body

    with closing(anthropic_at(lists.url)) as provider, pytest.raises(ProviderError) as caught:
        provider.list_models()

    assert caught.value.code == code


def test_a_list_is_asked_for_in_one_page(lists: ModelLists) -> None:
    with closing(anthropic_at(lists.url)) as provider:
        assert provider.list_models() == []

        assert lists.paths == ["/v1/models?limit=1000"]


def test_the_environment_of_the_sdk_changes_nothing(wire: WireServer) -> None:
    env = {
        "ANTHROPIC_API_KEY": "sk-environment",
        "ANTHROPIC_AUTH_TOKEN": "token-environment",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
        "ANTHROPIC_PROFILE": "environment",
        "ANTHROPIC_CUSTOM_HEADERS": "X-Other: environment\nAuthorization: Bearer environment",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }

    assert_changes_nothing(env, wire, "anthropic", wire.url)

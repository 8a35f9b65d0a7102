"""The Anthropic adapter against a server that speaks its protocol well, oddly and badly."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from model_lists import model_lists
from provider_calls import KEY, Outcome, ask, collect, provider_of, request_to
from wire_fixtures import WireServer
from wire_steps import TEXT, THOUGHT, WORDS

from services.domain.catalog import Model
from services.domain.costs import Usage
from services.domain.errors import ProviderError
from services.domain.events import Content, Reasoning, UsageReport
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


def failure_of(outcome: Outcome) -> ProviderError:
    """Give the error of a call that failed."""
    assert outcome.error is not None
    return outcome.error


@pytest.mark.parametrize(
    "model",
    [
        "unnamed",
        "text-at-start",
        "no-done",
        "more-after-done",
        "tool-calls",
        "paused",
        "stop-sequence",
        "new-reason",
        "cut-after-finish",
    ],
)
def test_a_complete_answer_is_whole_in_whatever_shape_it_comes(
    provider: Provider, model: str
) -> None:
    outcome = ask(provider, model=model)

    assert outcome.text == TEXT
    assert outcome.ending == "stop"


@pytest.mark.parametrize(
    ("model", "ending"),
    [("length", "length"), ("window", "length"), ("filter", "content_filter")],
)
def test_the_reason_of_the_end_is_passed_on(provider: Provider, model: str, ending: str) -> None:
    assert ask(provider, model=model).ending == ending


def test_what_came_before_a_refusal_is_kept_and_ends_as_filtered(provider: Provider) -> None:
    outcome = ask(provider, model="refusal")

    assert (outcome.text, outcome.ending) == ("I will not.", "content_filter")


def test_thoughts_are_told_before_the_answer_and_apart_from_it(provider: Provider) -> None:
    outcome = ask(provider, model="reasoning")

    assert isinstance(outcome.events[0], Reasoning)
    assert (outcome.thoughts, outcome.text) == (THOUGHT, TEXT)


def test_one_answer_is_told_piece_by_piece(provider: Provider) -> None:
    outcome = ask(provider, model="plain")

    assert [e.content for e in outcome.events if isinstance(e, Content)] == list(WORDS)


def test_the_input_counts_what_was_read_from_a_cache_and_written_to_it(provider: Provider) -> None:
    outcome = ask(provider, model="plain")

    assert outcome.usage == Usage(12, 6, cached_tokens=4, reasoning_tokens=2)
    assert sum(isinstance(event, UsageReport) for event in outcome.events) == 1


def test_the_figures_at_the_end_win_over_those_at_the_beginning(provider: Provider) -> None:
    outcome = ask(provider, model="usage-at-the-end")

    assert outcome.usage == Usage(13, 9, cached_tokens=4, reasoning_tokens=2)


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("zero-usage", Usage(0, 0)),
        ("no-usage", None),
        ("no-input-usage", None),
        ("no-output-usage", None),
        ("stall", None),
    ],
)
def test_a_usage_of_zero_is_zero_and_one_with_a_missing_figure_is_missing(
    provider: Provider, model: str, usage: Usage | None
) -> None:
    assert ask(provider, model=model).usage == usage


@pytest.mark.parametrize("figure", ["64-bits", "10-30", "negative", "cached", "reasoning"])
def test_a_usage_with_an_impossible_figure_is_missing(provider: Provider, figure: str) -> None:
    outcome = ask(provider, model=f"usage-{figure}")

    assert (outcome.usage, outcome.text, outcome.ending) == (None, TEXT, "stop")


def test_a_usage_at_the_bound_is_taken_and_one_beyond_changes_nothing(provider: Provider) -> None:
    assert ask(provider, model="usage-at-the-bound").usage == Usage(2**31 - 1, 0)
    assert ask(provider, model="usage-corrected").usage == Usage(12, 6, 4, 2)


@pytest.mark.parametrize(
    ("model", "count"),
    [
        ("plain", 0),
        ("reasoning", 0),
        ("usage-10-30", 1),
        ("usage-cached", 1),
        ("tool-calls", 2),
        ("odd", 12),
    ],
)
def test_what_is_passed_over_is_told(wire: WireServer, model: str, count: int) -> None:
    passed_over: list[str] = []
    provider = anthropic_at(wire.url, on_ignored=lambda: passed_over.append("something"))

    ask(provider, model=model)
    provider.close()

    assert len(passed_over) == count


@pytest.mark.parametrize(
    ("model", "code", "text"),
    [
        ("error-first", "upstream_overloaded", ""),
        ("error-event", "upstream_error", TEXT),
        ("error-of-nothing", "upstream_error", TEXT),
        ("limited-first", "upstream_rate_limited", ""),
        ("limited-later", "upstream_error", TEXT),
        ("only-done", "upstream_cut", TEXT),
        ("rate-limited", "upstream_rate_limited", ""),
    ],
)
def test_a_failure_keeps_what_came_and_may_be_tried_again(
    provider: Provider, wire: WireServer, model: str, code: str, text: str
) -> None:
    outcome = ask(provider, model=model)

    assert (outcome.ending, outcome.text) == (code, text)
    assert failure_of(outcome).retryable
    assert wire.live(until=0) == 0


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("no-such-model", "model_not_found"),
        ("quota", "upstream_rate_limited"),
        ("spent", "upstream_rate_limited"),
        ("status-402", "upstream_rejected"),
    ],
)
def test_a_final_refusal_is_told_as_final(provider: Provider, model: str, code: str) -> None:
    error = failure_of(ask(provider, model=model))

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
    assert failure_of(ask(provider, model=model)).detail.endswith(said)


def test_answers_read_to_their_end_share_a_connection(provider: Provider, wire: WireServer) -> None:
    ask(provider, model="plain")
    before = wire.seen()["connections"]

    for model in ("plain", "one-byte-each", "reasoning", "status-500", "plain"):
        ask(provider, model=model)

    assert wire.seen()["connections"] == before + 1  # the one that asks for the count


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


def test_the_key_goes_out_as_a_bearer_and_without_compression(
    provider: Provider, wire: WireServer
) -> None:
    ask(provider, model="plain")

    headers = wire.seen()["headers"]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-api-key"] == KEY
    assert headers["accept-encoding"] == "identity"


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


def test_a_server_without_authentication_needs_no_key(wire: WireServer) -> None:
    provider = anthropic_at(wire.url, api_key="")

    assert ask(provider, model="plain").text == TEXT
    provider.close()


def test_models_are_listed_as_the_upstream_names_them(provider: Provider) -> None:
    assert provider.list_models() == ["plain", "reasoning"]


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
def test_a_list_that_is_none_is_a_providers_failure(status: int, body: bytes, code: str) -> None:
    with model_lists() as lists, closing(anthropic_at(lists.url)) as provider:
        lists.status, lists.body = status, body
        with pytest.raises(ProviderError) as caught:
            provider.list_models()

    assert caught.value.code == code


def test_a_list_is_asked_for_in_one_page() -> None:
    with model_lists() as lists, closing(anthropic_at(lists.url)) as provider:
        assert provider.list_models() == []

        assert lists.paths == ["/v1/models?limit=1000"]


def test_the_environment_of_the_sdk_changes_nothing(wire: WireServer) -> None:
    code = f"""
import sys
sys.path[:] = {sys.path}
from provider_calls import ask, provider_of
from services.domain.catalog import Model
models = (Model(provider="anthropic", name="plain", window=9, max_output=9),)
print(ask(provider_of("anthropic", {wire.url!r}, models=models)).ending)
"""
    env = {
        "ANTHROPIC_API_KEY": "sk-environment",
        "ANTHROPIC_AUTH_TOKEN": "token-environment",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
        "ANTHROPIC_PROFILE": "environment",
        "ANTHROPIC_CUSTOM_HEADERS": "X-Other: environment\nAuthorization: Bearer environment",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }

    run = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )

    assert run.stdout.endswith("stop\n"), run.stderr
    headers = wire.seen()["headers"]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert not any("environment" in value for value in headers.values())


def test_the_libraries_below_log_nothing(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for model in ("plain", "status-401", "cut"):
            ask(provider, model=model)

    assert [r for r in caplog.records if not r.name.startswith("services.")] == []

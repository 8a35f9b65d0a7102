"""The OpenAI adapter against a server that speaks its protocol well, oddly and badly."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from provider_calls import KEY, ask, collect, provider_of, request_to
from server_process import find_free_port
from wire_fixtures import WireServer
from wire_steps import KEY_IN_ERRORS, TEXT

from services.bootstrap import build_services
from services.domain.costs import Usage
from services.domain.events import Content
from services.domain.runs import ContextMessage
from services.domain.sessions import MessageRole
from services.providers.base import Provider
from services.settings import Settings


@pytest.fixture
def provider(wire: WireServer) -> Iterator[Provider]:
    """Give the adapter on the wire server."""
    made = provider_of("openai", wire.base_url)
    yield made
    made.close()


def sent_for(wire: WireServer, provider: Provider, **fields: Any) -> dict[str, Any]:
    """Make a call and give the body that the server got."""
    ask(provider, model="plain", **fields)
    body: dict[str, Any] = wire.seen()["last"]
    return body


@pytest.mark.parametrize(
    "model",
    [
        "plain",
        "close-delimited",
        "one-byte-each",
        "one-piece",
        "crlf",
        "slow",
        "odd",
        "zero-usage",
        "no-usage",
        "usage-64-bits",
        "two-choices",
        "no-done",
        "open-end",
        "tool-calls",
        "cut-after-finish",
    ],
)
def test_a_complete_answer_is_whole_in_whatever_shape_it_comes(
    provider: Provider, model: str
) -> None:
    outcome = ask(provider, model=model)

    assert outcome.text == TEXT
    assert outcome.ending == "stop"


@pytest.mark.parametrize(("model", "ending"), [("length", "length"), ("filter", "content_filter")])
def test_the_reason_of_the_end_is_passed_on(provider: Provider, model: str, ending: str) -> None:
    assert ask(provider, model=model).ending == ending


def test_a_refusal_is_text_and_ends_as_filtered(provider: Provider) -> None:
    outcome = ask(provider, model="refusal")

    assert outcome.text == "I will not."
    assert outcome.ending == "content_filter"


@pytest.mark.parametrize("model", ["reasoning", "reasoning-field"])
def test_thoughts_come_under_either_name(provider: Provider, model: str) -> None:
    outcome = ask(provider, model=model)

    assert outcome.thoughts == "Hm, 你"
    assert outcome.text == TEXT


def test_the_usage_is_the_providers_with_its_parts(provider: Provider) -> None:
    assert ask(provider, model="plain").usage == Usage(12, 6, cached_tokens=4, reasoning_tokens=2)


def test_a_usage_of_zero_is_zero_and_a_missing_one_is_missing(provider: Provider) -> None:
    assert ask(provider, model="zero-usage").usage == Usage(0, 0)
    assert ask(provider, model="no-usage").usage is None


@pytest.mark.parametrize("figure", ["64-bits", "10-30", "negative", "cached", "reasoning"])
def test_a_usage_with_an_impossible_figure_is_missing(provider: Provider, figure: str) -> None:
    outcome = ask(provider, model=f"usage-{figure}")

    assert (outcome.usage, outcome.text, outcome.ending) == (None, TEXT, "stop")


def test_a_usage_at_the_bound_is_taken_and_one_beyond_changes_nothing(provider: Provider) -> None:
    assert ask(provider, model="usage-at-the-bound").usage == Usage(2**31 - 1, 0)
    assert ask(provider, model="usage-corrected").usage == Usage(12, 6)


def test_a_second_answer_is_in_no_text_no_thought_and_no_reason(provider: Provider) -> None:
    outcome = ask(provider, model="two-choices")

    assert (outcome.text, outcome.thoughts, outcome.ending) == (TEXT, "", "stop")


@pytest.mark.parametrize(("model", "count"), [("plain", 0), ("usage-10-30", 1), ("odd", 6)])
def test_what_is_passed_over_is_told(wire: WireServer, model: str, count: int) -> None:
    passed_over: list[str] = []
    provider = provider_of(
        "openai", wire.base_url, on_ignored=lambda: passed_over.append("something")
    )

    ask(provider, model=model)
    provider.close()

    assert len(passed_over) == count


@pytest.mark.parametrize(("model", "text"), [("nul", "a\ufffdb"), ("surrogate", "a\ufffdb")])
def test_what_no_store_can_hold_is_replaced(provider: Provider, model: str, text: str) -> None:
    assert ask(provider, model=model).text == text


@pytest.mark.parametrize(
    ("model", "code", "text"),
    [
        ("error-first", "upstream_overloaded", ""),
        ("error-later", "upstream_error", TEXT),
        ("error-event", "upstream_error", TEXT),
        ("malformed", "upstream_protocol", TEXT),
        ("shapeless", "upstream_protocol", TEXT),
        ("endless-line", "upstream_protocol", ""),
        ("html", "upstream_protocol", ""),
        ("no-finish", "upstream_cut", TEXT),
        ("only-done", "upstream_cut", TEXT),
        ("cut", "upstream_cut", TEXT),
        ("close", "upstream_cut", TEXT),
        ("stall", "upstream_timeout", TEXT),
        ("stall-first", "upstream_timeout", ""),
        ("status-408", "upstream_overloaded", ""),
        ("status-409", "upstream_overloaded", ""),
        ("status-500", "upstream_overloaded", ""),
        ("status-503", "upstream_overloaded", ""),
        ("status-529", "upstream_overloaded", ""),
        ("rate-limited", "upstream_rate_limited", ""),
    ],
)
def test_a_failure_keeps_what_came_and_may_be_tried_again(
    provider: Provider, wire: WireServer, model: str, code: str, text: str
) -> None:
    outcome = ask(provider, model=model)

    assert outcome.ending == code
    assert outcome.text == text
    assert outcome.error is not None
    assert outcome.error.retryable
    assert wire.live(until=0) == 0


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("status-400", "upstream_rejected"),
        ("status-401", "upstream_unauthorized"),
        ("status-403", "upstream_unauthorized"),
        ("status-404", "model_not_found"),
        ("status-413", "upstream_rejected"),
        ("status-422", "upstream_rejected"),
        ("no-such-model", "model_not_found"),
        ("quota", "upstream_rate_limited"),
        ("redirect", "upstream_rejected"),
    ],
)
def test_a_final_refusal_is_told_as_final(provider: Provider, model: str, code: str) -> None:
    error = ask(provider, model=model).error

    assert error is not None
    assert error.code == code
    assert not error.retryable


def test_a_limit_says_how_long_to_wait(provider: Provider) -> None:
    error = ask(provider, model="rate-limited").error

    assert error is not None
    assert error.retry_after == 7


def test_no_connection_is_unreachable_and_may_be_tried_again() -> None:
    error = ask(provider_of("openai", f"http://127.0.0.1:{find_free_port()}/v1")).error

    assert error is not None
    assert error.code == "upstream_unreachable"
    assert error.retryable


@pytest.mark.parametrize("model", ["talkative", "error-first", "error-later", "status-401"])
def test_what_is_quoted_is_short_and_holds_no_secret(provider: Provider, model: str) -> None:
    error = ask(provider, model=model).error

    assert error is not None
    assert len(error.detail) < 300
    assert not any(secret in error.detail for secret in (KEY, KEY_IN_ERRORS, "u:p@"))


def test_nothing_is_retried_here(provider: Provider, wire: WireServer) -> None:
    before = wire.seen()["count"]

    ask(provider, model="status-500")

    assert wire.seen()["count"] == before + 1


def test_nothing_goes_out_before_the_first_event_is_asked_for(
    provider: Provider, wire: WireServer
) -> None:
    before = wire.seen()["count"]

    provider.stream(request_to(provider, model="plain")).close()

    assert wire.seen()["count"] == before


@pytest.mark.parametrize("model", ["stall", "words-1000-10"])
def test_closing_the_stream_closes_the_connection_at_once(
    provider: Provider, wire: WireServer, model: str
) -> None:
    stream = provider.stream(request_to(provider, model=model))
    next(stream)
    assert wire.live() == 1

    stream.close()

    assert wire.live(until=0) == 0


def test_an_exception_thrown_in_closes_the_connection_and_stays_itself(
    provider: Provider, wire: WireServer
) -> None:
    stream = provider.stream(request_to(provider, model="stall"))
    next(stream)

    with pytest.raises(KeyError):
        stream.throw(KeyError("mine"))

    assert wire.live(until=0) == 0


def test_answers_read_to_their_end_share_a_connection(provider: Provider, wire: WireServer) -> None:
    ask(provider, model="plain")
    before = wire.seen()["connections"]

    for model in ("plain", "one-byte-each", "reasoning", "plain"):
        ask(provider, model=model)
    ask(provider, model="status-500")
    ask(provider, model="plain")

    assert wire.seen()["connections"] == before + 1  # the one that asks for the count


def test_a_server_that_keeps_the_body_open_holds_nobody_up(
    provider: Provider, wire: WireServer
) -> None:
    assert ask(provider, model="open-end").ending == "stop"
    assert wire.live(until=0) == 0


def test_the_request_carries_prompt_history_and_limits(
    provider: Provider, wire: WireServer
) -> None:
    history = [
        ContextMessage(MessageRole.USER, "Grüße"),
        ContextMessage(MessageRole.ASSISTANT, "你好"),
        ContextMessage(MessageRole.USER, "👋"),
    ]

    body = sent_for(wire, provider, messages=history, system_prompt="Be brief.", max_tokens=77)

    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Grüße"},
        {"role": "assistant", "content": "你好"},
        {"role": "user", "content": "👋"},
    ]
    assert body["max_tokens"] == 77
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("takes_temperature", [True, False])
def test_a_temperature_goes_only_to_models_that_take_one(
    provider: Provider, wire: WireServer, *, takes_temperature: bool
) -> None:
    request = request_to(provider, model="plain")
    model = replace(request.model, takes_temperature=takes_temperature)

    collect(provider.stream(replace(request, model=model)))

    assert wire.seen()["last"].get("temperature") == (0.5 if takes_temperature else None)


def test_the_key_goes_out_as_a_bearer_and_without_compression(
    provider: Provider, wire: WireServer
) -> None:
    ask(provider, model="plain")

    headers = wire.seen()["headers"]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["accept-encoding"] == "identity"
    assert not any("organization" in name or "project" in name for name in headers)


def test_a_local_server_needs_no_key(wire: WireServer) -> None:
    provider = provider_of("local", wire.base_url, api_key="")

    assert ask(provider, model="plain").text == TEXT
    provider.close()


def test_the_libraries_below_log_nothing(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for model in ("plain", "status-401", "cut"):
            ask(provider, model=model)

    assert [r for r in caplog.records if not r.name.startswith("services.")] == []


def test_one_answer_is_told_piece_by_piece(provider: Provider) -> None:
    outcome = ask(provider, model="plain")

    assert [e.content for e in outcome.events if isinstance(e, Content)] == [
        "Grüße",
        " aus",
        " 你好",
        " and",
        " 👋🏽",
        " again",
    ]


def test_what_a_servers_provider_passes_over_is_in_its_metrics(
    wire: WireServer, tmp_path: Path
) -> None:
    env = {"DATA_DIR": str(tmp_path), "OPENAI_BASE_URL": wire.base_url, "OPENAI_API_KEY": KEY}
    services = build_services(Settings.load(env))

    ask(services.providers["openai"], model="odd")
    services.close()

    line = b'charla_upstream_ignored_total{provider="openai"} 6.0'
    assert line in services.metrics.render()

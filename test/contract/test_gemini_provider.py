"""The Gemini adapter against a server that speaks its protocol well, oddly and badly."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from provider_calls import KEY, ask, collect, provider_of, request_to
from server_process import find_free_port
from wire_fixtures import WireServer
from wire_server import MODELS
from wire_steps import KEY_IN_ERRORS, TEXT, THOUGHT, WORDS

from services.domain.catalog import Model
from services.domain.costs import Usage
from services.domain.events import Content
from services.domain.runs import ContextMessage, Image
from services.domain.sessions import MessageRole
from services.providers.base import Provider

FLASH = Model(
    provider="gemini", name="flash", window=1_048_576, max_output=65_536, max_temperature=1.5
)


def gemini(url: str, **more: Any) -> Provider:
    """Build the adapter."""
    return provider_of("gemini", url, models=(FLASH,), **more)


@pytest.fixture
def provider(wire: WireServer) -> Iterator[Provider]:
    """Give the adapter on the wire server."""
    made = gemini(wire.url)
    yield made
    made.close()


def sent_for(wire: WireServer, provider: Provider, model: Model, **fields: Any) -> dict[str, Any]:
    """Make a call of a model and give the body that the server got."""
    request = replace(request_to(provider), model=replace(model, name="plain"), **fields)
    collect(provider.stream(request))
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
        "open-end",
        "tool-calls",
        "other-reason",
        "stop-in-each",
        "stop-too-early",
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


def test_a_blocked_prompt_is_an_empty_answer_that_was_filtered(provider: Provider) -> None:
    outcome = ask(provider, model="refusal")

    assert (outcome.text, outcome.ending, outcome.usage) == ("", "content_filter", Usage(12, 0))


def test_thoughts_are_told_apart_from_the_answer(provider: Provider) -> None:
    outcome = ask(provider, model="reasoning")

    assert (outcome.thoughts, outcome.text) == (THOUGHT, TEXT)


def test_one_answer_is_told_piece_by_piece(provider: Provider) -> None:
    outcome = ask(provider, model="plain")

    assert tuple(e.content for e in outcome.events if isinstance(e, Content)) == WORDS


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("plain", Usage(12, 6, cached_tokens=4, reasoning_tokens=2)),
        ("usage-later", Usage(12, 6, cached_tokens=4, reasoning_tokens=2)),
        ("surrogate-at-the-end", Usage(12, 6, cached_tokens=4, reasoning_tokens=2)),
        ("usage-of-tools", Usage(15, 6)),
        ("only-thoughts", Usage(12, 9, reasoning_tokens=9)),
        ("usage-at-the-bound", Usage(2**31 - 1, 0)),
        ("zero-usage", Usage(0, 0)),
        ("cut-with-usage", Usage(12, 6)),
        ("no-usage", None),
        ("no-output-usage", None),
        ("usage-64-bits", None),
        ("usage-10-30", None),
        ("usage-negative", None),
        ("usage-cached", None),
        ("usage-reasoning", None),
        ("usage-in-sum", None),
        ("cut", None),
    ],
)
def test_the_usage_is_the_last_one_that_can_be_and_told_once(
    provider: Provider, model: str, usage: Usage | None
) -> None:
    outcome = ask(provider, model=model)

    assert outcome.usage == usage
    assert len([e for e in outcome.events if hasattr(e, "usage")]) == (usage is not None)


def test_a_second_answer_is_in_no_text_no_thought_and_no_reason(provider: Provider) -> None:
    outcome = ask(provider, model="two-choices")

    assert (outcome.text, outcome.thoughts, outcome.ending) == (TEXT, "", "stop")


@pytest.mark.parametrize(("model", "count"), [("plain", 0), ("usage-10-30", 1), ("odd", 4)])
def test_what_is_passed_over_is_told(wire: WireServer, model: str, count: int) -> None:
    passed_over: list[str] = []
    provider = gemini(wire.url, on_ignored=lambda: passed_over.append("something"))

    ask(provider, model=model)
    provider.close()

    assert len(passed_over) == count


@pytest.mark.parametrize("model", ["nul", "surrogate", "surrogate-at-the-end"])
def test_what_no_store_can_hold_is_replaced(provider: Provider, model: str) -> None:
    assert ask(provider, model=model).text == "a\ufffdb"


@pytest.mark.parametrize(
    ("model", "code", "text"),
    [
        ("error-first", "upstream_overloaded", ""),
        ("error-later", "upstream_error", TEXT),
        ("error-event", "upstream_error", TEXT),
        ("spoilt-first", "upstream_overloaded", ""),
        ("spoilt-later", "upstream_error", TEXT),
        ("malformed", "upstream_protocol", TEXT),
        ("shapeless", "upstream_protocol", TEXT),
        ("textless", "upstream_protocol", TEXT),
        ("endless-line", "upstream_protocol", ""),
        ("html", "upstream_protocol", ""),
        ("html-503", "upstream_overloaded", ""),
        ("no-finish", "upstream_cut", TEXT),
        ("unspecified", "upstream_cut", TEXT),
        ("cut", "upstream_cut", TEXT),
        ("cut-after-early-stop", "upstream_cut", TEXT),
        ("close", "upstream_cut", TEXT),
        ("stall", "upstream_timeout", TEXT),
        ("stall-first", "upstream_timeout", ""),
        ("status-408", "upstream_overloaded", ""),
        ("status-409", "upstream_overloaded", ""),
        ("status-500", "upstream_overloaded", ""),
        ("status-503", "upstream_overloaded", ""),
        ("status-529", "upstream_overloaded", ""),
        ("rate-limited", "upstream_rate_limited", ""),
        ("limited", "upstream_rate_limited", ""),
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
        ("key-refused", "upstream_unauthorized"),
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


@pytest.mark.parametrize("model", ["rate-limited", "limited"])
def test_a_limit_says_how_long_to_wait_in_a_header_or_in_its_details(
    provider: Provider, model: str
) -> None:
    error = ask(provider, model=model).error

    assert error is not None
    assert error.retry_after == 7


def test_no_connection_is_unreachable_and_may_be_tried_again() -> None:
    error = ask(gemini(f"http://127.0.0.1:{find_free_port()}")).error

    assert error is not None
    assert error.code == "upstream_unreachable"
    assert error.retryable


@pytest.mark.parametrize("model", ["talkative", "error-first", "error-later", "key-refused"])
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

    for model in ("plain", "one-byte-each", "reasoning", "refusal", "status-500", "plain"):
        ask(provider, model=model)

    assert wire.seen()["connections"] == before + 1  # the one that asks for the count


def test_a_server_that_keeps_the_body_open_holds_nobody_up(
    provider: Provider, wire: WireServer
) -> None:
    assert ask(provider, model="open-end").ending == "stop"
    assert wire.live(until=0) == 0


def test_the_request_carries_prompt_history_images_and_limits(
    provider: Provider, wire: WireServer
) -> None:
    history = [
        ContextMessage(MessageRole.USER, "Grüße"),
        ContextMessage(MessageRole.ASSISTANT, "你好"),
        ContextMessage(MessageRole.USER, "👋", images=(Image("image/png", b"\x89PNG"),)),
    ]

    seeing = replace(FLASH, sees=True)
    body = sent_for(
        wire, provider, seeing, messages=history, system_prompt="Be brief.", max_tokens=77
    )

    assert body == {
        "contents": [
            {"role": "user", "parts": [{"text": "Grüße"}]},
            {"role": "model", "parts": [{"text": "你好"}]},
            {
                "role": "user",
                "parts": [
                    {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
                    {"text": "👋"},
                ],
            },
        ],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {"maxOutputTokens": 77, "temperature": 0.5},
    }


def test_the_key_goes_out_in_a_header_and_nothing_is_compressed(
    provider: Provider, wire: WireServer
) -> None:
    ask(provider, model="plain")

    headers = wire.seen()["headers"]
    assert headers["x-goog-api-key"] == KEY
    assert headers["accept-encoding"] == "identity"
    assert headers["content-type"] == "application/json"
    assert headers["x-goog-api-client"].startswith("google-genai-sdk/")
    assert "x-server-timeout" not in headers


def test_nothing_that_the_sdk_knows_from_the_environment_counts(
    wire: WireServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE"):
        monkeypatch.setenv(name, "true")
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.setenv(name, "not-mine")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v9")
    monkeypatch.setenv("GOOGLE_GENAI_CLIENT_MODE", "replay")
    monkeypatch.setenv("GOOGLE_GENAI_HTTP_CLIENT", "httpx")
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")

    for key, sent in ((KEY, KEY), ("", "no-key")):
        provider = gemini(wire.url, api_key=key)
        assert ask(provider, model="plain").text == TEXT
        assert wire.seen()["headers"]["x-goog-api-key"] == sent
        assert tuple(provider.list_models()) == MODELS
        provider.close()
    assert "GOOGLE_API_KEY" not in caplog.text


def test_the_libraries_below_log_nothing(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for model in ("plain", "status-401", "cut"):
            ask(provider, model=model)
        provider.list_models()

    assert [r for r in caplog.records if not r.name.startswith("services.")] == []

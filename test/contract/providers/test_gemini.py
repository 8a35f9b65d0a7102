"""What only Gemini's protocol has; the tests of every provider hold the rest."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from wires.calls import KEY, ask, collect, provider_of, request_to
from wires.fixtures import WireServer
from wires.server import MODELS
from wires.steps import KEY_IN_ERRORS, TEXT

from services.domain.catalog import Model
from services.domain.costs import Usage
from services.domain.events import UsageReport
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
        "other-reason",
        "stop-in-each",
        "stop-too-early",
    ],
)
def test_a_complete_answer_is_whole_in_whatever_shape_it_comes(
    provider: Provider, model: str
) -> None:
    outcome = ask(provider, model=model)

    assert outcome.text == TEXT
    assert outcome.ending == "stop"


def test_a_blocked_prompt_is_an_empty_answer_that_was_filtered(provider: Provider) -> None:
    outcome = ask(provider, model="refusal")

    assert (outcome.text, outcome.ending, outcome.usage) == ("", "content_filter", Usage(12, 0))


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("usage-later", Usage(12, 6, cached_tokens=4, reasoning_tokens=2)),
        ("surrogate-at-the-end", Usage(12, 6, cached_tokens=4, reasoning_tokens=2)),
        ("usage-of-tools", Usage(15, 6)),
        ("only-thoughts", Usage(12, 9, reasoning_tokens=9)),
        ("cut-with-usage", Usage(12, 6)),
        ("usage-in-sum", None),
    ],
)
def test_the_usage_is_the_last_one_that_can_be_and_told_once(
    provider: Provider, model: str, usage: Usage | None
) -> None:
    outcome = ask(provider, model=model)

    assert outcome.usage == usage
    assert len([e for e in outcome.events if hasattr(e, "usage")]) == (usage is not None)


@pytest.mark.parametrize("model", ["no-output-usage", "cut"])
def test_a_usage_without_the_answer_says_so(provider: Provider, model: str) -> None:
    events = ask(provider, model=model).events

    reports = [event for event in events if isinstance(event, UsageReport)]
    assert reports == [UsageReport(Usage(12, 0), lacks_output=True)]


def test_what_no_store_can_hold_is_replaced_in_the_last_frame_too(provider: Provider) -> None:
    assert ask(provider, model="surrogate-at-the-end").text == "a\ufffdb"


@pytest.mark.parametrize(
    ("model", "code", "text"),
    [
        ("spoilt-first", "upstream_overloaded", ""),
        ("spoilt-later", "upstream_error", TEXT),
        ("html-503", "upstream_overloaded", ""),
        ("unspecified", "upstream_cut", TEXT),
        ("cut-after-early-stop", "upstream_cut", TEXT),
        ("limited", "upstream_rate_limited", ""),
    ],
)
def test_a_failure_keeps_what_came_and_may_be_tried_again(
    provider: Provider, wire: WireServer, model: str, code: str, text: str
) -> None:
    outcome = ask(provider, model=model)

    assert (outcome.ending, outcome.text) == (code, text)
    assert outcome.failure.retryable
    assert wire.live(until=0) == 0


def test_a_text_that_is_none_is_not_paid_for_again(provider: Provider) -> None:
    outcome = ask(provider, model="textless")

    assert (outcome.ending, outcome.text) == ("upstream_protocol", TEXT)
    assert not outcome.failure.retryable


def test_a_refused_key_is_told_as_such_and_not_quoted(provider: Provider) -> None:
    error = ask(provider, model="key-refused").failure

    assert (error.code, error.retryable) == ("upstream_unauthorized", False)
    assert len(error.detail) < 300
    assert not any(secret in error.detail for secret in (KEY, KEY_IN_ERRORS))


def test_a_limit_says_in_its_details_how_long_to_wait(provider: Provider) -> None:
    assert ask(provider, model="limited").failure.retry_after == 7


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


def test_the_key_goes_out_in_googles_header_and_no_time_limit_does(
    provider: Provider, wire: WireServer
) -> None:
    ask(provider, model="plain")

    headers = wire.seen()["headers"]
    assert headers["x-goog-api-key"] == KEY
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

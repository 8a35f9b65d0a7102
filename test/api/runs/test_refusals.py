"""What a provider refuses, as clients and the ledger see it."""

import json
from collections.abc import Iterator

import pytest
from api.accounts import MakeApp
from api.calls import ApiUser
from reports.refusals import has
from reports.refusing_server import Asked, Refusal, RefusingServer, refusing
from wires.steps import TEXT

BROKE, RICH = "sk-broke-0123456789", "sk-rich-0123456789"
UNPAID = Refusal(402, b'{"error": {"message": "Insufficient Balance"}}')
FILTERED = {
    "message": "The response was filtered.",
    "code": "content_filter",
    "innererror": {"code": "ResponsibleAIPolicyViolation"},
}
NEW_NAME = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
FAST = {"RETRY_MIN_SECONDS": "0.01", "RETRY_MAX_SECONDS": "0.02", "PROVIDER_RETRIES": "2"}


@pytest.fixture
def upstream() -> Iterator[RefusingServer]:
    """Run a server of all formats."""
    with refusing() as server:
        yield server


def with_openai(make_app: MakeApp, upstream: RefusingServer, **environ: str) -> ApiUser:
    """Give a user of a server whose default is OpenAI's format there."""
    given = {"OPENAI_API_KEY": RICH, "OPENAI_BASE_URL": f"{upstream.url}/v1"}
    return ApiUser.of(make_app(DEFAULT_PROVIDER="openai", **FAST, **given | environ))


def unpaid(asked: Asked) -> Refusal | None:
    return UNPAID if BROKE in asked.headers.get("authorization", "") else None


def test_a_key_without_money_leaves_its_call_to_the_next_key(
    make_app: MakeApp, upstream: RefusingServer
) -> None:
    user = with_openai(make_app, upstream, OPENAI_API_KEY=f"{BROKE},{RICH}")
    upstream.refuse(unpaid)

    answer = user.ask(user.new_session())

    assert answer.text == TEXT
    assert answer.terminal is not None
    assert answer.terminal["provider"] == "openai"
    assert len(upstream.calls) == 2


def test_an_account_without_money_leaves_its_call_to_another_vendor(
    make_app: MakeApp, upstream: RefusingServer
) -> None:
    user = with_openai(
        make_app,
        upstream,
        OPENAI_API_KEY=BROKE,
        GOOGLE_AI_API_KEY="AIza-rich",
        GOOGLE_GEMINI_BASE_URL=upstream.url,
    )
    upstream.refuse(unpaid)

    answer = user.ask(user.new_session())

    assert answer.text == TEXT
    assert answer.terminal is not None
    assert answer.terminal["provider"] == "gemini"
    assert len(upstream.calls) == 2


def test_content_that_is_refused_with_a_400_ends_as_filtered_and_nobody_else_is_asked(
    make_app: MakeApp, upstream: RefusingServer
) -> None:
    user = with_openai(
        make_app, upstream, GOOGLE_AI_API_KEY="AIza-rich", GOOGLE_GEMINI_BASE_URL=upstream.url
    )
    upstream.refuse(lambda _: Refusal(400, json.dumps({"error": FILTERED}).encode()))
    session = user.new_session()

    answer = user.ask(session)

    assert answer.text == ""
    assert answer.terminal is not None
    assert (answer.terminal["type"], answer.terminal["finish_reason"]) == ("done", "content_filter")
    assert answer.terminal["usage"]["input_tokens"] == 0  # as with every refusal
    stored = user.messages(session)[-1]
    assert (stored["status"], stored["finish_reason"]) == ("complete", "content_filter")
    assert len(upstream.calls) == 1


def test_a_field_that_is_refused_costs_one_call_once_and_no_attempt(
    make_app: MakeApp, upstream: RefusingServer
) -> None:
    user = with_openai(make_app, upstream)
    told = json.dumps({"error": {"message": NEW_NAME, "param": "max_tokens"}}).encode()
    upstream.refuse(lambda asked: Refusal(400, told) if has(asked.body, "max_tokens") else None)
    session = user.new_session()

    stream = user.send(session, "Hello", model="gpt-5-mini")
    first = stream.answer()
    asked = len(upstream.calls)
    second = user.ask(session, model="gpt-5-mini")

    assert (first.text, second.text) == (TEXT, TEXT)
    assert not [frame for frame in first.frames if frame.type == "status"]
    assert (asked, len(upstream.calls)) == (2, 3)
    run = user.json(f"/runs/{stream.headers['X-Run-Id']}")
    assert [attempt["outcome"] for attempt in run["attempts"]] == ["ok"]


def test_an_address_that_is_wrong_is_told_with_its_words(
    make_app: MakeApp, upstream: RefusingServer
) -> None:
    user = with_openai(make_app, upstream)
    upstream.refuse(lambda _: Refusal(404, b"404 page not found", "text/plain"))

    terminal = user.ask(user.new_session(), model="m").terminal

    assert terminal is not None
    assert (terminal["code"], terminal["retryable"]) == ("upstream_unreachable", False)
    assert "404 page not found" in terminal["message"]
    assert len(upstream.calls) == 1

"""The tokens of a message can be known before it is sent."""

import pytest
from api.accounts import MakeApp
from api.calls import ApiUser, refused

from services.domain.costs import estimate_tokens
from services.providers import tokens

TEXT = "Grüße aus 你好 and 👋🏽 again"


def test_a_text_is_counted_for_the_model_that_would_answer(ann: ApiUser) -> None:
    response = ann.post("/api/tokens/count", {"content": TEXT})

    assert response.status_code == 200, response.text
    counted = response.get_json()
    assert counted == {
        "tokens": estimate_tokens(TEXT),
        "provider": "scripted",
        "model": "scripted-1",
        "window": counted["window"],
        "max_output": counted["max_output"],
        "source": "estimated",
    }
    assert counted["window"] > counted["max_output"] > 0


def test_real_models_get_a_real_count(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(OPENAI_API_KEY="sk-nobody"))

    body = {"content": TEXT, "provider": "openai", "system_prompt": "Be brief."}
    counted = ann.post("/api/tokens/count", body).get_json()

    assert counted["provider"] == "openai"
    assert counted["tokens"] == tokens.count(TEXT) + tokens.count("Be brief.")


def test_counting_uses_up_no_limit(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(RATE_LIMIT_AI="1 per hour"))

    for _ in range(3):
        assert ann.post("/api/tokens/count", {"content": TEXT}).status_code == 200
    assert ann.post("/api/chat", {"content": "/slow 0 /echo yes"}).status_code == 200


def test_a_text_that_would_be_too_long_to_send_is_not_counted(make_app: MakeApp) -> None:
    ann = ApiUser.of(make_app(MAX_CONTENT_CHARS="10"))

    assert ann.post("/api/tokens/count", {"content": "x" * 10}).status_code == 200
    problem = refused(
        ann.post("/api/tokens/count", {"content": "x" * 11}), 413, "content_too_large"
    )
    assert list(problem["errors"]) == ["content"]


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("content", {}),
        ("content", {"content": ""}),
        ("content", {"content": " \n"}),
        ("content", {"content": "a\0b"}),
        ("content", {"content": 5}),
        ("system_prompt", {"content": "Hi", "system_prompt": ""}),
        ("system_prompt", {"content": "Hi", "system_prompt": "x" * 40_000}),
        ("temperature", {"content": "Hi", "temperature": 1}),
    ],
)
def test_what_cannot_be_counted_is_422(ann: ApiUser, field: str, body: object) -> None:
    problem = refused(ann.post("/api/tokens/count", body), 422, "invalid_request")

    assert list(problem["errors"]) == [field]


@pytest.mark.parametrize(
    ("field", "choice"),
    [
        ("model", {"model": "nobody-has-it"}),
        ("provider", {"provider": "nobody"}),
        ("provider", {"provider": "gemini"}),
    ],
)
def test_for_a_model_that_nobody_has_nothing_is_counted(
    ann: ApiUser, field: str, choice: dict[str, str]
) -> None:
    body = {"content": "Hi", **choice}
    problem = refused(ann.post("/api/tokens/count", body), 422, "model_not_available")

    assert list(problem["errors"]) == [field]


def test_a_stranger_gets_nothing_counted(ann: ApiUser) -> None:
    refused(ann.client.post("/api/tokens/count", json={"content": "Hi"}), 401, "unauthorized")

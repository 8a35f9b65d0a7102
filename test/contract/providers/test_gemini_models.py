"""The list of Gemini's models, which also probes a key."""

import json
from collections.abc import Iterator

import pytest
from wires.calls import provider_of
from wires.model_lists import ModelLists

from services.domain.errors.upstream import ProviderError
from services.providers.base import Provider

REFUSED = {"error": {"code": 400, "message": "No.", "details": [{"reason": "API_KEY_INVALID"}]}}


@pytest.fixture
def provider(lists: ModelLists) -> Iterator[Provider]:
    """Give the adapter on that server."""
    made = provider_of("gemini", lists.url)
    yield made
    made.close()


def failure_of(provider: Provider) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        provider.list_models()
    return caught.value


def test_listed_are_the_models_that_write_by_the_names_they_are_asked_by(
    lists: ModelLists, provider: Provider
) -> None:
    told = [
        {"name": "models/flash", "supportedGenerationMethods": ["countTokens", "generateContent"]},
        {"name": "models/embedding", "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/of-a-proxy"},
        {"displayName": "nameless"},
    ]
    lists.body = json.dumps({"models": told}).encode()

    assert list(provider.list_models()) == ["flash", "of-a-proxy"]


@pytest.mark.parametrize("tail", ["", "/", "/v1beta", "/v1beta/"])
def test_a_base_url_may_end_with_the_version_or_without(lists: ModelLists, tail: str) -> None:
    provider = provider_of("gemini", lists.url + tail)

    provider.list_models()
    provider.close()

    assert lists.paths == ["/v1/v1beta/models?pageSize=1000"]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, json.dumps(REFUSED).encode(), "upstream_unauthorized"),
        (403, b"[]", "upstream_unauthorized"),
        (503, b"null", "upstream_overloaded"),
        (404, b'"nothing"', "model_not_found"),
        (307, b"", "upstream_rejected"),
    ],
)
def test_a_refusal_is_the_same_as_of_a_call(
    lists: ModelLists, provider: Provider, status: int, body: bytes, code: str
) -> None:
    lists.status, lists.body = status, body

    assert failure_of(provider).code == code


@pytest.mark.parametrize(
    "body", [b"5", b"<html>", b"\xff", b'{"models": 5}', b'{"models": [{"name": 5}]}', b"[" * 99999]
)
def test_a_list_that_is_none_is_no_list(lists: ModelLists, provider: Provider, body: bytes) -> None:
    lists.body = body

    assert failure_of(provider).code == "upstream_protocol"


def test_a_server_that_does_not_answer_is_not_waited_for(
    lists: ModelLists, provider: Provider
) -> None:
    lists.until.clear()

    assert failure_of(provider).code == "upstream_timeout"
    assert len(lists.paths) == 1

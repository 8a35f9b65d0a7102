"""Servers on the operator's own machine: what they list, and how they tell their failures."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from stack.server_process import find_free_port
from wires.calls import ask, provider_of
from wires.fixtures import WireServer
from wires.model_lists import ModelLists
from wires.steps import KEY_IN_ERRORS, TEXT

from services.domain.catalog import ANY_MODEL, Model
from services.domain.errors.upstream import ProviderError
from services.providers.base import Provider
from services.providers.config import ProviderConfig
from services.providers.local.provider import WINDOW
from services.providers.registry import build

MUCH_LATER_SECONDS = 20.0
"""Longer than a busy machine takes, shorter than a server's patience with an answer."""

OLLAMA = {"id": "llama3.2:latest", "object": "model", "created": 1, "owned_by": "library"}
VLLM = {"id": "Qwen/Qwen3-8B", "object": "model", "owned_by": "vllm", "max_model_len": 40_960}
LLAMA_CPP = {"id": "gemma.gguf", "object": "model", "meta": {"n_vocab": 9, "n_ctx_train": 131_072}}


@pytest.fixture
def provider(lists: ModelLists) -> Iterator[Provider]:
    """Give the adapter on that server."""
    made = provider_of("local", lists.url)
    yield made
    made.close()


def discovered(lists: ModelLists, provider: Provider, *listed: object) -> dict[str, Model]:
    """Let the server list models, and find them."""
    lists.body = json.dumps({"object": "list", "data": listed}).encode()
    return {model.name: model for model in provider.discover()}


def test_the_models_are_those_that_the_server_lists_and_any_other(
    lists: ModelLists, provider: Provider
) -> None:
    found = discovered(lists, provider, OLLAMA, VLLM)

    assert list(found) == ["llama3.2:latest", "Qwen/Qwen3-8B", ANY_MODEL]
    assert list(provider.models) == list(found.values())
    assert lists.paths == ["/v1/models"]


@pytest.mark.parametrize(
    ("told", "window"),
    [
        (OLLAMA, WINDOW),
        (VLLM, 40_960),
        (LLAMA_CPP, 131_072),
        (LLAMA_CPP | {"meta": {"n_ctx_train": 131_072, "n_ctx": 4096}}, 4096),
        (VLLM | {"max_model_len": 0}, WINDOW),
        (VLLM | {"max_model_len": -1}, WINDOW),
        (VLLM | {"max_model_len": "many"}, WINDOW),
        (VLLM | {"max_model_len": True}, WINDOW),
        (VLLM | {"max_model_len": 2**63}, WINDOW),
        (VLLM | {"max_model_len": None, "meta": [1]}, WINDOW),
    ],
)
def test_a_window_is_the_servers_where_it_tells_one(
    lists: ModelLists, provider: Provider, told: dict[str, Any], window: int
) -> None:
    model = discovered(lists, provider, told)[told["id"]]

    assert model.window == window
    assert 0 < model.max_output < window


def test_models_that_answer_nobody_are_not_offered(lists: ModelLists, provider: Provider) -> None:
    found = discovered(lists, provider, OLLAMA | {"id": "nomic-embed-text:latest"}, OLLAMA)

    assert list(found) == ["llama3.2:latest", ANY_MODEL]


def test_what_the_configuration_says_counts_for_more(lists: ModelLists) -> None:
    mine = Model(provider="local", name="llama3.2:latest", window=50_000, max_output=10, sees=True)
    provider = provider_of("local", lists.url, models=(mine,))

    found = discovered(lists, provider, VLLM, OLLAMA)
    provider.close()

    assert list(found) == ["llama3.2:latest", "Qwen/Qwen3-8B", ANY_MODEL]
    assert found["llama3.2:latest"] == mine


NONSENSE = [
    (200, "application/json", b"[]"),
    (200, "application/json", b'{"data": "many"}'),
    (200, "application/json", b'{"data": [1, 2]}'),
    (200, "application/json", b'{"models": []}'),
    (200, "application/json", b"{"),
    (200, "application/json", b"[" * 100_000),
    (200, "application/json", b"\xff\xfe"),
    (200, "text/html", b"<h1>Hello</h1>"),
    (204, "application/json", b""),
    (401, "application/json", b'{"error": "no"}'),
    (404, "text/plain", b"404 page not found"),
    (500, "application/json", b""),
]


@pytest.mark.parametrize(("status", "content_type", "body"), NONSENSE)
def test_a_server_that_talks_nonsense_leaves_any_model_and_one_line(
    lists: ModelLists, provider: Provider, status: int, content_type: str, body: bytes
) -> None:
    lists.status, lists.content_type, lists.body = status, content_type, body

    with structlog.testing.capture_logs() as lines:
        names = [model.name for model in provider.discover()]

    assert names == [ANY_MODEL]
    assert [line["event"] for line in lines if line["log_level"] != "info"] == [
        "local_models_unknown"
    ]
    with pytest.raises(ProviderError):
        provider.list_models()


@pytest.mark.parametrize("bad", [{}, {"id": ""}, {"id": None}, {"id": 7}])
def test_a_model_without_a_name_is_passed_over(
    lists: ModelLists, provider: Provider, bad: object
) -> None:
    assert list(discovered(lists, provider, bad, OLLAMA)) == ["llama3.2:latest", ANY_MODEL]


def test_a_server_that_is_away_leaves_any_model() -> None:
    provider = provider_of("local", f"http://127.0.0.1:{find_free_port()}/v1")

    assert [model.name for model in provider.discover()] == [ANY_MODEL]
    provider.close()


def patient(url: str) -> Provider:
    """Build the adapter with a server's usual times, which wait long for an answer."""
    return build(ProviderConfig(kind="local", name="local", base_url=url))


def test_a_server_that_hangs_is_given_up_soon(lists: ModelLists) -> None:
    provider = patient(lists.url)
    lists.until.clear()
    began = time.monotonic()

    names = [model.name for model in provider.discover()]

    assert names == [ANY_MODEL]
    assert time.monotonic() - began < MUCH_LATER_SECONDS
    provider.close()


def test_a_server_that_never_accepts_is_given_up_soon() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            provider = provider_of("local", f"http://127.0.0.1:{port}/v1")
            began = time.monotonic()
            names = [model.name for model in provider.discover()]
            provider.close()

    assert names == [ANY_MODEL]
    assert time.monotonic() - began < MUCH_LATER_SECONDS


def test_what_was_found_stays_where_a_later_question_has_no_answer(
    lists: ModelLists, provider: Provider
) -> None:
    found = discovered(lists, provider, OLLAMA)
    lists.status = 500

    assert list(provider.discover()) == list(found.values())


@pytest.mark.parametrize(
    ("model", "code", "text"),
    [
        ("bare-json", "upstream_overloaded", ""),
        ("bare-line", "upstream_overloaded", ""),
        ("bare-line-open", "upstream_overloaded", ""),
        ("bare-line-later", "upstream_error", TEXT),
        ("error-field", "upstream_error", TEXT),
        ("json", "upstream_cut", "Hello"),
    ],
)
def test_a_failure_is_understood_in_each_servers_own_way(
    wire: WireServer, model: str, code: str, text: str
) -> None:
    provider = provider_of("local", wire.base_url, api_key="")

    outcome = ask(provider, model=model)

    assert (outcome.ending, outcome.text) == (code, text)
    assert outcome.error is not None
    assert outcome.error.retryable
    assert KEY_IN_ERRORS not in outcome.error.detail
    assert wire.live(until=0) == 0
    provider.close()


def test_the_servers_own_words_are_quoted(wire: WireServer) -> None:
    provider = provider_of("local", wire.base_url)

    for model in ("bare-json", "bare-line", "bare-line-later"):
        assert "model runner has stopped" in str(ask(provider, model=model).error)
    provider.close()


def test_a_key_in_the_servers_words_is_not_quoted(wire: WireServer) -> None:
    provider = provider_of("local", wire.base_url, api_key="model runner")

    for model in ("bare-json", "bare-line", "bare-line-later"):
        assert "[key] has stopped" in str(ask(provider, model=model).error)
    provider.close()

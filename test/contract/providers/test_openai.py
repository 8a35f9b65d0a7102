"""What only OpenAI's protocol has; the tests of every provider hold the rest."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from wires.calls import KEY, ask, collect, provider_of, request_to
from wires.fixtures import WireServer
from wires.steps import TEXT, THOUGHT

from services.domain.costs import Usage
from services.providers.base import Provider


@pytest.fixture
def provider(wire: WireServer) -> Iterator[Provider]:
    """Give the adapter on the wire server."""
    made = provider_of("openai", wire.base_url)
    yield made
    made.close()


def test_a_refusal_is_text_and_ends_as_filtered(provider: Provider) -> None:
    outcome = ask(provider, model="refusal")

    assert outcome.text == "I will not."
    assert outcome.ending == "content_filter"


@pytest.mark.parametrize("model", ["reasoning", "reasoning-field"])
def test_thoughts_come_under_either_name(provider: Provider, model: str) -> None:
    outcome = ask(provider, model=model)

    assert outcome.thoughts == THOUGHT
    assert outcome.text == TEXT


def test_an_answer_is_whole_without_the_frame_that_ends_it(provider: Provider) -> None:
    outcome = ask(provider, model="no-done")

    assert (outcome.text, outcome.ending) == (TEXT, "stop")


def test_that_frame_without_a_reason_is_no_end(provider: Provider, wire: WireServer) -> None:
    outcome = ask(provider, model="only-done")

    assert (outcome.ending, outcome.text) == ("upstream_cut", TEXT)
    assert outcome.failure.retryable
    assert wire.live(until=0) == 0


def test_a_usage_that_cannot_be_changes_nothing_of_one_before(provider: Provider) -> None:
    assert ask(provider, model="usage-corrected").usage == Usage(12, 6)


def test_the_request_holds_these_fields_and_no_other(provider: Provider, wire: WireServer) -> None:
    request = request_to(provider, "Grüße", "plain", system_prompt="Be brief.", max_tokens=77)
    warm = replace(request.model, takes_temperature=True)

    collect(provider.stream(replace(request, model=warm)))

    assert wire.seen()["last"] == {
        "stream": True,
        "stream_options": {"include_usage": True},
        "model": "plain",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Grüße"},
        ],
        "max_tokens": 77,
        "temperature": 0.5,
    }


def test_the_key_goes_out_as_a_bearer_and_names_nobody(
    provider: Provider, wire: WireServer
) -> None:
    ask(provider, model="plain")

    headers = wire.seen()["headers"]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert not any("organization" in name or "project" in name for name in headers)

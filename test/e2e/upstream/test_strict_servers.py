"""A conversation goes on over servers that refuse what does not alternate, whatever goes wrong."""

import random
from collections.abc import Iterator, Sequence

import pytest
from api.chat_client import Answer, ChatClient, Json
from stack.server_process import ServerProcess, StartServer
from strict.server import StrictWire, strict_wire
from strict.talk import Talk

TURNS = 30
PROVIDERS = ("openai", "anthropic", "gemini")
STOPPED = {"pings": "start", "words-2000-5": "content"}
"""Scenarios that a user stops, and the event after which: before the first word, or after it."""

SCRIPTS: Sequence[Sequence[str]] = (
    *(("plain",), ("plain",), ("length",), ("empty",)),
    *(("filter",), ("refusal",)),
    *(("status-400",), ("status-500",), ("error-first",), ("cut",), ("error-later",)),
    *(("status-500", "plain"), ("status-500", "refusal"), ("status-500", "status-500", "plain")),
    *(("pings",), ("words-2000-5",)),
)
"""What the provider does, call by call: further calls are those of failover."""


@pytest.fixture(scope="module")
def strict() -> Iterator[StrictWire]:
    """Start the strict server."""
    with strict_wire() as server:
        yield server


@pytest.fixture(scope="module")
def relay(strict: StrictWire, start_shared: StartServer) -> ServerProcess:
    """Start a server for which the strict server is every provider."""
    url = f"http://127.0.0.1:{strict.server_port}"
    return start_shared(
        {
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": f"{url}/v1",
            "ANTHROPIC_API_KEY": "sk-ant-test",
            "ANTHROPIC_BASE_URL": url,
            "GOOGLE_AI_API_KEY": "test",
            "GOOGLE_GEMINI_BASE_URL": url,
            "CONTEXT_MESSAGES": "0",
            "PROVIDER_RETRIES": "0",
            "RATE_LIMIT_ENABLED": "false",
            "WEB_CONCURRENCY": "1",  # each worker loads three SDKs
        }
    )


def ask(client: ChatClient, session: str, question: str, scenario: str, provider: str) -> Json:
    """Send a message, stop the answer where the scenario is one to be stopped; give the end."""
    answer = Answer()
    stop_after = STOPPED.get(scenario)
    with client.send(session, question, provider=provider) as reader:
        assert reader.status == 200, reader.body()
        for frame in reader:
            answer.take(frame)
            if frame.type == stop_after:
                assert client.stop(reader.headers["X-Run-Id"]).status == 202
                stop_after = None
    assert answer.terminal is not None, answer.types()
    return answer.terminal


@pytest.mark.parametrize("seed", range(3))
def test_every_request_of_a_troubled_conversation_is_well_formed(
    strict: StrictWire, relay: ServerProcess, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - it protects no secret
    client = ChatClient.registered(relay.url)
    session, talk = client.new_session(), Talk()
    first = [chance.choice(SCRIPTS) for _ in range(TURNS - 1)]
    for number, script in enumerate([*first, ("plain",)]):
        question = f"Question {number}"
        strict.play(script)

        end = ask(client, session, question, script[0], chance.choice(PROVIDERS))

        assert strict.complaints == []
        expected = [*talk.told(), question]
        for conversation in strict.told:
            assert "\n\n".join(text for _, text in conversation) == "\n\n".join(expected)
        is_refused = end.get("finish_reason") == "content_filter"
        talk.take(question, end["full_content"], is_refused=is_refused)

    assert end["finish_reason"] == "stop"
    assert len(strict.told[0]) > 1

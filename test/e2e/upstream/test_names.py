"""A name server that hangs for one provider's name holds up nobody who asks another one."""

import time
from collections.abc import Iterator

import pytest
from api.chat_client import Answer, ChatClient
from name_server.server import HANGS, NameServer
from stack.columns import EMBEDDED, only_on
from stack.server_process import ServerProcess, StartServer
from wires.fixtures import WireServer
from wires.steps import TEXT
from worlds.patience import eventually

pytestmark = only_on(EMBEDDED, "names are looked up alike on both")

CALLS_TO_THE_DEAD_NAME = 14
"""More than gevent has threads for look-ups, which is ten."""

AT_ONCE_SECONDS = 3.0

NOBODY = "127.0.0.9"
"""Nobody listens there."""


@pytest.fixture(scope="module")
def names() -> Iterator[NameServer]:
    """Answer for the names of two providers; one of them hangs."""
    with NameServer(
        {"dead.test": HANGS, "alive.test": "127.0.0.1", "moved.test": NOBODY}
    ) as server:
        yield server


@pytest.fixture(scope="module")
def server(names: NameServer, wire: WireServer, start_shared: StartServer) -> ServerProcess:
    """Start a server that knows its providers by their names."""
    return start_shared(
        {
            **names.environment,
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": "http://dead.test:9/v1",
            "ANTHROPIC_API_KEY": "sk-ant-test",
            "ANTHROPIC_BASE_URL": f"http://alive.test:{wire.port}",
            "GOOGLE_AI_API_KEY": "test",
            "GOOGLE_GEMINI_BASE_URL": f"http://moved.test:{wire.port}",
            "DEFAULT_PROVIDER": "openai",
            "DEFAULT_MODEL": "plain",
            "FAILOVER": "none",
            "RATE_LIMIT_ENABLED": "false",
            "PROVIDER_RETRIES": "0",
            "BREAKER_FAILURES": "1000",
            "WEB_CONCURRENCY": "1",
        }
    )


@pytest.fixture
def client(server: ServerProcess) -> ChatClient:
    """Make an account there."""
    return ChatClient.registered(server.url)


def ask(client: ChatClient, provider: str) -> tuple[Answer, float]:
    """Ask a provider; give the answer and its seconds."""
    began = time.monotonic()
    with client.send(client.new_session(), "Hello?", provider=provider, model="plain") as reader:
        return reader.take_into(Answer()), time.monotonic() - began


def test_calls_to_a_name_that_hangs_hold_up_no_call_to_another(
    client: ChatClient, names: NameServer
) -> None:
    asked_before = names.asked["dead.test"]
    runs = [client.begin(client.new_session(), "Hello?") for _ in range(CALLS_TO_THE_DEAD_NAME)]
    eventually(lambda: names.asked["dead.test"] > asked_before)

    answer, seconds = ask(client, "anthropic")

    assert answer.text == TEXT
    assert seconds < AT_ONCE_SECONDS
    assert all(client.run(run)["status"] == "streaming" for run in runs)
    assert names.asked["dead.test"] <= asked_before + 2  # all of them wait for one look-up
    for run in runs:
        client.stop(run)


def test_a_name_that_moved_is_looked_up_when_nobody_answers_at_its_old_address(
    client: ChatClient, names: NameServer
) -> None:
    refused, _ = ask(client, "gemini")
    names.addresses["moved.test"] = "127.0.0.1"

    answer, _ = ask(client, "gemini")

    assert refused.terminal is not None
    assert refused.terminal["code"] == "upstream_unreachable"
    assert answer.text == TEXT

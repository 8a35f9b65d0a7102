"""One provider is down: another answers, and the first is asked again once it is back."""

from collections.abc import Iterator

import pytest
from api.chat_client import Answer, ChatClient, Json
from stack.server_process import ServerProcess, StartServer
from wires.fixtures import WireServer
from wires.steps import TEXT
from wires.vendor import Vendor
from worlds.patience import eventually

BREAKER_SECONDS = 1.5
QUICK = {
    "RATE_LIMIT_ENABLED": "false",
    "PROVIDER_RETRIES": "1",
    "RETRY_MIN_SECONDS": "0.02",
    "RETRY_MAX_SECONDS": "0.05",
    "FIRST_TOKEN_SECONDS": "4",
    "BREAKER_FAILURES": "4",
    "BREAKER_SECONDS": str(BREAKER_SECONDS),
    "DEFAULT_PROVIDER": "openai",
    "DEFAULT_MODEL": "plain",
    "HEDGE_SECONDS": "0.2",
    "WEB_CONCURRENCY": "1",
}


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    """Give the provider that is asked first."""
    made = Vendor()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def server(vendor: Vendor, wire: WireServer, start_shared: StartServer) -> ServerProcess:
    """Start a server with two providers."""
    return start_shared(
        {
            **QUICK,
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{vendor.port}/v1",
            "ANTHROPIC_API_KEY": "sk-ant-test",
            "ANTHROPIC_BASE_URL": wire.url,
            "FAILOVER": "anthropic/plain",
        }
    )


@pytest.fixture
def client(server: ServerProcess) -> ChatClient:
    """Make an account there."""
    return ChatClient.registered(server.url)


def ask(client: ChatClient, **fields: str) -> tuple[Answer, Json]:
    """Send a message; give the answer and the run."""
    with client.send(client.new_session(), "Hello?", **fields) as reader:
        assert reader.status == 200, reader.body()
        answer = reader.take_into(Answer())
    assert answer.terminal is not None
    start = next(frame for frame in answer.frames if frame.type == "start")
    return answer, client.run(start.event["run_id"])


def states(answer: Answer) -> list[tuple[str, str]]:
    """Give the states that readers were told, with the provider of each."""
    told = [frame.event for frame in answer.frames if frame.type == "status"]
    return [(event["state"], event["detail"]["provider"]) for event in told]


def calls(run: Json) -> list[tuple[str, str, str | None]]:
    """Give the calls of a run."""
    return [(one["provider"], one["outcome"], one["code"]) for one in run["attempts"]]


def test_another_provider_answers_for_one_that_is_down_until_it_is_back(
    client: ChatClient, vendor: Vendor
) -> None:
    first, run = ask(client)

    assert first.text == TEXT
    assert states(first) == [("retrying", "openai"), ("failover", "anthropic")]
    assert [f.id is None for f in first.frames if f.type == "status"] == [True, False]
    assert first.terminal is not None
    assert first.terminal["provider"] == run["provider"] == "anthropic"
    assert calls(run) == [
        ("openai", "failed", "upstream_unreachable"),
        ("openai", "failed", "upstream_unreachable"),
        ("anthropic", "ok", None),
    ]
    assert [one["usage"]["input_tokens"] for one in run["attempts"]] == [0, 0, 12]

    _, run = ask(client)  # its two calls are the third and the fourth failure in a row
    assert len(run["attempts"]) == 3
    left_alone, run = ask(client)
    assert states(left_alone) == [("failover", "anthropic")]
    assert calls(run) == [("anthropic", "ok", None)]

    back = vendor.start()
    runs: list[Json] = []

    def is_asked_again() -> bool:
        runs.append(ask(client)[1])
        return bool(runs[-1]["provider"] == "openai")

    eventually(is_asked_again)
    assert all(calls(run) == [("anthropic", "ok", None)] for run in runs[:-1])
    assert calls(runs[-1]) == [("openai", "ok", None)]
    assert back.seen()["count"] == 1
    assert states(ask(client)[0]) == []
    vendor.stop()


def test_a_slow_provider_is_overtaken_and_what_it_cost_is_on_record(
    client: ChatClient, vendor: Vendor
) -> None:
    slow = vendor.start()

    answer, run = ask(client, model="stall-first", strategy="hedged")

    assert answer.text == TEXT
    assert calls(run) == [("openai", "cancelled", "hedged"), ("anthropic", "ok", None)]
    lost = run["attempts"][0]["usage"]
    assert lost["input_tokens"] > 0
    assert lost["source"] == "estimated"
    assert slow.live(until=0) == 0
    vendor.stop()


def test_an_answer_that_was_stopped_keeps_its_call_on_record(
    client: ChatClient, vendor: Vendor
) -> None:
    vendor.start()
    with client.send(client.new_session(), "Hello?", model="words-500-20") as reader:
        frames = iter(reader)
        run_id = next(frames).event["run_id"]
        next(frames)
        client.stop(run_id)
        for _ in frames:
            """Read to the end."""

    run = client.run(run_id)

    assert calls(run) == [("openai", "cancelled", "stopped")]
    assert run["attempts"][0]["usage"]["output_tokens"] > 0
    vendor.stop()

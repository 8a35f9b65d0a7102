"""What a client sees when the provider fails, row by row, through the whole server."""

import time

import pytest
from api.chat_client import Answer, ChatClient
from stack.server_process import ServerProcess, StartServer
from wires.fixtures import WireServer

TEXT = "Grüße aus 你好 and 👋🏽 again"
QUICK = {
    "RATE_LIMIT_ENABLED": "false",
    "RETRY_MIN_SECONDS": "0.05",
    "RETRY_MAX_SECONDS": "0.2",
    "READ_TIMEOUT_SECONDS": "1.5",
    "FIRST_TOKEN_SECONDS": "1",
    "CONTENT_TIMEOUT_SECONDS": "1",
}


@pytest.fixture(scope="module")
def relay(wire: WireServer, start_shared: StartServer) -> ServerProcess:
    """Start a server whose provider is the wire server."""
    upstream = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": wire.base_url}
    return start_shared({**QUICK, **upstream})


@pytest.fixture
def client(relay: ServerProcess) -> ChatClient:
    """Make an account there."""
    return ChatClient.registered(relay.url)


def ask(client: ChatClient, model: str) -> tuple[Answer, str]:
    """Send a message to a model of the wire server; give the answer and its session."""
    session = client.new_session()
    with client.send(session, "Hello?", model=model) as reader:
        assert reader.status == 200, reader.body()
        return reader.take_into(Answer()), session


def test_a_good_answer_comes_with_the_usage_that_the_provider_reports(
    client: ChatClient,
) -> None:
    answer, session = ask(client, "plain")

    assert answer.text == TEXT
    assert answer.terminal is not None
    assert answer.terminal["finish_reason"] == "stop"
    assert answer.terminal["usage"] == {
        "input_tokens": 12,
        "output_tokens": 6,
        "cached_tokens": 4,
        "reasoning_tokens": 2,
        "source": "provider",
    }
    assert client.messages(session)[-1]["usage"] == answer.terminal["usage"]


@pytest.mark.parametrize(
    ("model", "code", "kept"),
    [
        ("cut", "upstream_cut", TEXT),
        ("close", "upstream_cut", TEXT),
        ("no-finish", "upstream_cut", TEXT),
        ("malformed", "upstream_protocol", TEXT),
        ("error-later", "upstream_error", TEXT),
        ("stall", "upstream_timeout", TEXT),
        ("stall-first", "upstream_timeout", ""),
        ("pings", "upstream_timeout", ""),
        ("status-401", "upstream_unauthorized", ""),
        ("status-400", "upstream_rejected", ""),
        ("status-500", "upstream_overloaded", ""),
        ("error-first", "upstream_overloaded", ""),
        ("nobody", "model_not_found", ""),
    ],
)
def test_a_failure_ends_in_one_error_and_keeps_what_came(
    client: ChatClient, model: str, code: str, kept: str
) -> None:
    answer, session = ask(client, model)

    assert answer.terminal is not None
    assert answer.terminal["type"] == "error"
    assert answer.terminal["code"] == code
    assert answer.terminal["full_content"] == answer.text == kept
    assert answer.terminal["persisted"] is True
    stored = client.messages(session)[-1]
    assert (stored["status"], stored["content"]) == ("failed", kept)


def test_no_provider_is_asked_again_after_the_first_delivered_word(
    client: ChatClient, wire: WireServer
) -> None:
    before = wire.seen()["count"]
    answer, _ = ask(client, "cut")

    assert wire.seen()["count"] == before + 1
    assert answer.text == TEXT


def test_an_overloaded_provider_is_asked_again_before_the_first_word(
    client: ChatClient, wire: WireServer
) -> None:
    if wire.seen()["count"] % 2:  # the wire server refuses every second request
        ask(client, "plain")
    answer, _ = ask(client, "500-once")

    retrying = [frame for frame in answer.frames if frame.type == "status"]
    assert [frame.event["state"] for frame in retrying] == ["retrying"]
    assert [frame.id for frame in retrying] == [None]
    assert answer.text == TEXT
    assert answer.terminal is not None
    assert answer.terminal["usage"]["source"] == "provider"


def test_retry_after_is_honoured(client: ChatClient) -> None:
    session = client.new_session()
    started = time.monotonic()
    with client.send(session, "Hello?", model="rate-limited") as reader:
        for frame in reader:
            if frame.type == "status":
                break
        run = reader.headers["X-Run-Id"]
    assert frame.event["detail"]["delay"] == 7
    client.stop(run)
    with client.follow(run) as reader:
        answer = reader.take_into(Answer())

    assert answer.terminal is not None
    assert answer.terminal["finish_reason"] == "stopped"
    assert time.monotonic() - started < 7


def test_a_content_filter_is_no_failure(client: ChatClient) -> None:
    answer, session = ask(client, "filter")

    assert answer.terminal is not None
    assert (answer.terminal["type"], answer.terminal["finish_reason"]) == (
        "done",
        "content_filter",
    )
    assert client.messages(session)[-1]["status"] == "complete"


def test_reasoning_comes_as_events_of_its_own(client: ChatClient) -> None:
    answer, _ = ask(client, "reasoning")

    assert [f.event["content"] for f in answer.frames if f.type == "reasoning"] == ["Hm, 你"]
    assert answer.text == TEXT


def test_stop_closes_the_upstream_connection_within_a_second(
    client: ChatClient, wire: WireServer
) -> None:
    session = client.new_session()
    with client.send(session, "Hello?", model="words-2000-20") as reader:
        reader.first_bytes()
        assert wire.live(until=1) == 1
        stopped = time.monotonic()
        reply = client.stop(reader.headers["X-Run-Id"])
        assert wire.live(until=0) == 0
        took = time.monotonic() - stopped
        answer = reader.take_into(Answer())

    assert reply.status == 202
    assert took < 1
    assert answer.terminal is not None
    assert answer.terminal["finish_reason"] == "stopped"
    assert answer.terminal["usage"]["source"] == "estimated"
    stored = client.messages(session)[-1]
    assert stored["status"] == "stopped"
    assert answer.terminal["full_content"] == stored["content"]
    assert client.stop(reader.headers["X-Run-Id"]).status == 202

"""The model that answers by default is gone, and the server has one vendor only."""

from datetime import UTC, datetime, timedelta

import pytest
from api.chat_client import Answer, ChatClient, Json
from stack.server_process import ServerProcess, StartServer
from wires.fixtures import WireServer
from wires.steps import TEXT

from services.providers.models.catalog import Catalog

SIZES = "window: 9000, max_output: 900"
ENDS = datetime.now(UTC).date() + timedelta(days=30)


@pytest.fixture(scope="module")
def server(
    wire: WireServer, start_shared: StartServer, tmp_path_factory: pytest.TempPathFactory
) -> ServerProcess:
    """Start a server of whose four models its vendor knows one; of the first, it said so."""
    known = [model.name for model in Catalog.load().models_of("openai")]
    lines = [
        f"- {{provider: openai, name: switched-off, {SIZES}, ends: {ENDS}, default: true}}",
        f"- {{provider: openai, name: large-one, {SIZES}, tier: large}}",
        f"- {{provider: openai, name: plain, {SIZES}, tier: large}}",
        f"- {{provider: openai, name: small-one, {SIZES}}}",
        *(f"- {{provider: openai, name: {name}, remove: true}}" for name in known),
    ]
    models = tmp_path_factory.mktemp("models") / "models.yaml"
    models.write_text("\n".join(["models:", *lines]))
    return start_shared(
        {
            "RATE_LIMIT_ENABLED": "false",
            "WEB_CONCURRENCY": "1",
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": wire.base_url,
            "MODELS_FILE": str(models),
        }
    )


@pytest.fixture
def client(server: ServerProcess) -> ChatClient:
    """Make an account there."""
    return ChatClient.registered(server.url)


def ask(client: ChatClient, session: str = "", **fields: str) -> tuple[Answer, Json]:
    """Send a message; give the answer and the run."""
    with client.send(session or client.new_session(), "Hello?", **fields) as reader:
        assert reader.status == 200, reader.body()
        answer = reader.take_into(Answer())
    start = next(frame for frame in answer.frames if frame.type == "start")
    return answer, client.run(start.event["run_id"])


def calls(run: Json) -> list[tuple[str, str, str | None]]:
    """Give the calls of a run."""
    return [(one["model"], one["outcome"], one["code"]) for one in run["attempts"]]


def test_another_model_of_the_vendor_answers_and_is_chosen_from_then_on(
    client: ChatClient, server: ServerProcess
) -> None:
    first, run = ask(client)

    assert first.text == TEXT
    assert calls(run) == [
        ("switched-off", "failed", "model_not_found"),
        ("small-one", "failed", "model_not_found"),
        ("large-one", "failed", "model_not_found"),
        ("plain", "ok", None),
    ]
    told = [frame.event for frame in first.frames if frame.type == "status"]
    assert [(one["state"], one["detail"]["model"]) for one in told] == [
        ("failover", "small-one"),
        ("failover", "large-one"),
        ("failover", "plain"),
    ]
    assert {one["detail"]["code"] for one in told} == {"model_not_found"}
    assert first.terminal is not None
    assert (first.terminal["provider"], first.terminal["model"]) == ("openai", "plain")

    again, run = ask(client)
    assert again.text == TEXT
    assert calls(run) == [("plain", "ok", None)]
    _, run = ask(client, provider="openai")
    assert calls(run) == [("plain", "ok", None)]
    default = client.call("GET", "/api/providers").json["default"]
    assert default == {"provider": "openai", "model": "plain"}
    assert server.output().count("model_ends") == 1


def test_a_session_that_names_only_the_vendor_leaves_the_model_to_the_server(
    client: ChatClient,
) -> None:
    with client.send(client.new_session(provider="openai"), "Hello?") as reader:
        assert reader.take_into(Answer()).text == TEXT


@pytest.mark.parametrize("by", ["request", "session"])
def test_a_model_that_is_named_is_asked_and_its_refusal_is_told(
    client: ChatClient, by: str
) -> None:
    named = {"model": "switched-off"}
    session = client.new_session(**(named if by == "session" else {}))
    answer, run = ask(client, session, **(named if by == "request" else {}))

    assert answer.terminal is not None
    assert answer.terminal["code"] == "model_not_found"
    assert calls(run) == [("switched-off", "failed", "model_not_found")]

"""Every fault of a provider in every wire format, many times: one right end, no word twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from api.chat_client import Answer, ChatClient, Json
from stack.columns import EMBEDDED, only_on
from stack.server_process import ServerProcess, StartServer
from wires.fixtures import WireServer
from wires.steps import TEXT, WORDS
from worlds.patience import eventually

pytestmark = only_on(EMBEDDED, "between a provider and a run there is no store")

FORMATS = ("openai", "anthropic", "gemini", "local")
AT_ONCE = 8
RETRIES = 1
QUICK = {
    "RATE_LIMIT_ENABLED": "false",
    "FAILOVER": "none",
    "PROVIDER_RETRIES": str(RETRIES),
    "RETRY_MIN_SECONDS": "0.01",
    "RETRY_MAX_SECONDS": "0.03",
    "RETRY_AFTER_MAX_SECONDS": "1",
    "READ_TIMEOUT_SECONDS": "1.2",
    "FIRST_TOKEN_SECONDS": "1",
    "CONTENT_TIMEOUT_SECONDS": "0.8",
}


@dataclass(frozen=True)
class Fault:
    """What a provider does, and what must result: the end, the text, the calls."""

    model: str
    end: str
    text: str = ""
    calls: int = 1


AGAIN = 1 + RETRIES
FAULTS = (
    *(Fault(f"status-{n}", "upstream_overloaded", calls=AGAIN) for n in (408, 409, 500, 503, 529)),
    Fault("status-429", "upstream_rate_limited", calls=AGAIN),
    Fault("rate-limited", "upstream_rate_limited"),  # asks for more time than there is
    Fault("quota", "upstream_rate_limited"),
    Fault("status-401", "upstream_unauthorized"),
    Fault("status-403", "upstream_unauthorized"),
    Fault("status-400", "upstream_rejected"),
    Fault("unknown", "model_not_found"),
    Fault("error-first", "upstream_overloaded", calls=AGAIN),
    Fault("error-later", "upstream_error", TEXT),
    Fault("error-event", "upstream_error", TEXT),
    Fault("stall-first", "upstream_timeout"),
    Fault("pings", "upstream_timeout"),
    Fault("stall", "upstream_timeout", TEXT),
    Fault("cut", "upstream_cut", TEXT),
    Fault("close", "upstream_cut", TEXT),
    Fault("no-finish", "upstream_cut", TEXT),
    Fault("cut-after-finish", "stop", TEXT),
    Fault("malformed", "upstream_protocol", TEXT),
    Fault("shapeless", "upstream_protocol", TEXT),
    Fault("endless-line", "upstream_protocol"),
    Fault("html", "upstream_protocol", calls=AGAIN),
    Fault("odd", "stop", TEXT),
    Fault("filter", "content_filter", "".join(WORDS[:2])),
    Fault("refusal", "content_filter", "I will not."),
    Fault("length", "length", TEXT),
    Fault("empty", "stop"),
    Fault("plain", "stop", TEXT),
)
SILENT = {("gemini", "refusal")}
"""The prompt is blocked, instead of an answer that refuses."""


@pytest.fixture(scope="module")
def relay(wire: WireServer, start_shared: StartServer) -> ServerProcess:
    """Start a server with all four providers."""
    return start_shared(
        {
            **QUICK,
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": wire.base_url,
            "ANTHROPIC_API_KEY": "sk-ant-test",
            "ANTHROPIC_BASE_URL": wire.url,
            "GOOGLE_AI_API_KEY": "test",
            "GOOGLE_GEMINI_BASE_URL": wire.url,
            "LOCAL_BASE_URL": wire.base_url,
            "DEFAULT_PROVIDER": "openai",
        }
    )


@pytest.fixture(scope="module")
def client(relay: ServerProcess) -> ChatClient:
    """Make an account there."""
    return ChatClient.registered(relay.url)


def ask(client: ChatClient, provider: str, fault: Fault) -> tuple[Answer, Json, Json]:
    """Send a message; give the answer, what is stored of it, and the run."""
    session = client.new_session()
    with client.send(session, "Hello?", provider=provider, model=fault.model) as reader:
        assert reader.status == 200, reader.body()
        answer = reader.take_into(Answer())
    run_id = next(frame.event["run_id"] for frame in answer.frames if frame.type == "start")
    return answer, client.messages(session)[-1], client.run(run_id)


@pytest.mark.parametrize("provider", FORMATS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.model)
def test_a_fault_of_a_provider_has_one_right_end(
    client: ChatClient,
    wire: WireServer,
    provider: str,
    fault: Fault,
    pytestconfig: pytest.Config,
) -> None:
    rounds = pytestconfig.getoption("--fault-rounds")
    text = "" if (provider, fault.model) in SILENT else fault.text
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = pool.map(lambda _: ask(client, provider, fault), range(rounds))
        for answer, stored, run in asked:
            end = answer.terminal
            assert end is not None
            assert [frame.is_terminal for frame in answer.frames].index(True) + 1 == len(
                answer.frames
            )
            assert (end.get("code") or end["finish_reason"]) == fault.end, end
            assert answer.text == end["full_content"] == stored["content"] == text
            assert stored["status"] == ("failed" if end["type"] == "error" else "complete")
            assert end["persisted"] is True
            assert [one["provider"] for one in run["attempts"]] == [provider] * fault.calls
            last = run["attempts"][-1]
            assert last["code"] == (end.get("code") if end["type"] == "error" else None)
    eventually(lambda: wire.live() == 0)

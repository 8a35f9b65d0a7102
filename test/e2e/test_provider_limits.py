"""More calls at once than a provider takes: all are answered, in order, and none too early."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from threading import Barrier

import pytest
from chat_client import Answer, ChatClient, Json
from patience import eventually
from server_process import ServerProcess, StartServer
from wire_fixtures import WireServer

LIMIT, WINDOW_SECONDS = 60, 2.0
SLACK_SECONDS = 0.5
"""What may lie between a reservation and its arrival at the upstream on a busy machine."""

TELL_SECONDS = 0.5

SHORT = "words-1-0"

ONE_WORKER = {"WEB_CONCURRENCY": "1"}
"""Each worker has a queue of its own."""

FREE = {
    "RATE_LIMIT_AI": "100000 per minute",
    "RATE_LIMIT_REGISTER": "1000 per minute",
    "MAX_ACTIVE_RUNS_PER_USER": "1000",
    "OPENAI_TPM": "0",
}


@dataclass
class Asked:
    """A message, its answer, and when its positions came; its model is its alone."""

    number: int
    priority: str
    answer: Answer = field(default_factory=Answer)
    queued_at: list[float] = field(default_factory=list)

    @property
    def model(self) -> str:
        """Name a model that says so many words, with so many milliseconds between."""
        return f"words-{self.number % 20 + 1}-{self.number // 20}"

    @property
    def text(self) -> str:
        """Give what that says."""
        return " word" * (self.number % 20 + 1)

    @property
    def queued(self) -> list[Json]:
        """Give what it was told while it waited."""
        return [f.event["detail"] for f in self.answer.frames if is_queued(f.event)]

    def ask(self, client: ChatClient, session: str, together: Barrier) -> None:
        """Send it with all the others and read its answer."""
        together.wait()
        with client.send(session, "Hello?", model=self.model, priority=self.priority) as reader:
            assert reader.status == 200, reader.body()
            for frame in reader:
                self.answer.take(frame)
                if is_queued(frame.event):
                    assert frame.id is None
                    self.queued_at.append(time.monotonic())


def is_queued(event: Json) -> bool:
    """Tell whether an event is a position."""
    return (event["type"], event.get("state")) == ("status", "queued")


@pytest.fixture
def limited(wire: WireServer, start_server: StartServer) -> "StartLimited":
    """Start servers whose provider is the wire server, with a limit."""
    wire.forget_calls()
    return StartLimited(wire, start_server)


@dataclass
class StartLimited:
    """Starts them."""

    wire: WireServer
    start_server: StartServer

    def __call__(self, **settings: object) -> ServerProcess:
        """Start one."""
        upstream = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": self.wire.base_url}
        given = {name: str(value) for name, value in settings.items()}
        return self.start_server({**FREE, **upstream, **given})


def accounts(server: ServerProcess, count: int) -> list[ChatClient]:
    """Make accounts."""
    return [ChatClient.registered(server.url) for _ in range(count)]


def test_of_a_burst_none_is_lost_and_none_goes_out_too_early(
    limited: StartLimited, wire: WireServer
) -> None:
    server = limited(OPENAI_RPM=LIMIT, PROVIDER_WINDOW_SECONDS=WINDOW_SECONDS)
    clients = accounts(server, 6)
    asked = [Asked(n, "background" if n % 3 else "interactive") for n in range(300)]
    owners = [client for client, _ in zip(cycle(clients), asked, strict=False)]
    with ThreadPoolExecutor(len(asked)) as pool:
        sessions = list(pool.map(ChatClient.new_session, owners))
        together = Barrier(len(asked))
        list(pool.map(Asked.ask, asked, owners, sessions, cycle([together])))

    for one in asked:
        assert one.answer.terminal is not None
        assert one.answer.terminal["type"] == "done", one.answer.terminal
        assert one.answer.text == one.answer.terminal["full_content"] == one.text
    calls = wire.calls()
    assert sorted(model for _, model in calls) == sorted(one.model for one in asked)
    assert_never_above_the_limit([at for at, _ in calls])
    assert_positions_were_told([one for one in asked if one.queued])
    assert_interactive_ones_went_first(asked, {model: at for at, model in calls})


def assert_never_above_the_limit(arrivals: list[float]) -> None:
    """Hold every span of a window against the limit."""
    arrivals.sort()
    spans = [last - first for first, last in zip(arrivals, arrivals[LIMIT:], strict=False)]
    assert len(spans) == 300 - LIMIT
    assert min(spans) > WINDOW_SECONDS


def assert_positions_were_told(waited: list[Asked]) -> None:
    """Hold what was told against what must have been so."""
    assert len(waited) > LIMIT
    for one in waited:
        positions = [told.pop("position") for told in one.queued]
        assert all(1 <= position <= 300 for position in positions)
        assert all(told == {"provider": "openai"} for told in one.queued)
        most = (one.queued_at[-1] - one.queued_at[0]) / TELL_SECONDS + 2
        assert len(positions) <= most


def assert_interactive_ones_went_first(asked: list[Asked], arrived: dict[str, float]) -> None:
    """No background call may have gone out while an interactive one waited."""
    waits = [
        (one.queued_at[0] + SLACK_SECONDS, arrived[one.model] - SLACK_SECONDS)
        for one in asked
        if one.queued_at and one.priority == "interactive"
    ]
    background = [arrived[one.model] for one in asked if one.priority == "background"]

    overtaking = [at for at in background if any(since < at < until for since, until in waits)]

    assert overtaking == []
    assert any(since < until for since, until in waits), "no interactive call waited for long"


@pytest.fixture
def crowded(limited: StartLimited) -> ServerProcess:
    """Start a server that lets one call out in a window, and two wait."""
    return limited(OPENAI_RPM=1, PROVIDER_WINDOW_SECONDS=3, QUEUE_SIZE=2, **ONE_WORKER)


def test_a_full_queue_is_a_429_that_saves_nothing(crowded: ServerProcess, wire: WireServer) -> None:
    client = ChatClient.registered(crowded.url)
    runs = [client.begin(client.new_session(), "Hello?", model=SHORT) for _ in range(3)]
    session = client.new_session()

    with client.send(session, "One too many.", model=SHORT) as reader:
        told_at = time.monotonic()
        problem = json.loads(reader.body())

    retry_after = int(reader.headers["Retry-After"])
    assert (reader.status, problem["status"], problem["code"]) == (429, 429, "queue_full")
    assert reader.headers["Content-Type"] == "application/problem+json"
    assert f"Try again in {retry_after} s." in problem["detail"]
    assert 1 <= retry_after <= 3 * 2
    assert client.messages(session) == []
    assert [client.read_on(run).text for run in runs] == [" word"] * 3
    assert len(wire.calls()) == 3
    eventually(lambda: time.monotonic() >= told_at + retry_after)
    with client.send(session, "Once more.", model=SHORT) as reader:
        assert reader.status == 200, reader.body()


def test_who_comes_back_when_it_was_told_has_a_place(crowded: ServerProcess) -> None:
    client = ChatClient.registered(crowded.url)
    for _ in range(3):
        client.begin(client.new_session(), "Hello?", model=SHORT)
    body = {"content": "One too many.", "model": SHORT}
    refused = client.call("POST", "/api/chat", body)
    told_at = time.monotonic()
    assert (refused.status, refused.json["code"]) == (429, "queue_full")

    eventually(lambda: time.monotonic() >= told_at + int(refused.headers["Retry-After"]))

    assert client.call("POST", "/api/chat", body).json["content"] == " word"


def test_an_answer_that_is_stopped_while_it_waits_is_never_asked_for(
    crowded: ServerProcess, wire: WireServer
) -> None:
    client = ChatClient.registered(crowded.url)
    with client.send(client.new_session(), "Hello?", model=SHORT) as reader:
        reader.take_into(Answer())
    stopped, next_one = Asked(0, "interactive"), Asked(1, "interactive")
    run = client.begin(client.new_session(), "Hello?", model=stopped.model)
    with client.send(client.new_session(), "Hello?", model=next_one.model) as reader:
        client.stop(run)
        reader.take_into(next_one.answer)

    end = client.read_on(run).terminal
    assert end is not None
    assert (end["type"], end["finish_reason"], end["full_content"]) == ("done", "stopped", "")
    assert [told["position"] for told in next_one.queued] == [2, 1]
    assert next_one.answer.text == next_one.text
    assert [model for _, model in wire.calls()] == [SHORT, next_one.model]
    assert client.run(run)["attempts"] == []

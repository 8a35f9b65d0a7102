"""More calls at once than a provider accepts: all are answered, in order, and none too early."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import pytest
from api.chat_client import Answer, ChatClient
from api.figures import figures_of
from stack.columns import Column
from stack.server_process import ServerProcess, StartServer
from wires.fixtures import WireServer
from wires.steps import TEXT
from worlds.crowd import (
    CROWD_SECONDS,
    FREE,
    Asked,
    assert_all_have_their_answers,
    assert_interactive_ones_went_first,
    assert_never_above,
    numbered,
)
from worlds.patience import eventually

from services.domain.limits import Priority

WINDOW_SECONDS = 2.0
TELL_SECONDS = 0.5
SHORT = "words-1-0"
WAITING = 'charla_provider_queue_waiting{provider="openai"}'
WAITED = 'charla_provider_queue_wait_seconds_count{provider="openai"}'

StartLimited = Callable[..., ServerProcess]


@pytest.fixture
def limited(wire: WireServer, start_server: StartServer) -> Iterator[StartLimited]:
    """Start servers whose provider is the wire server, with so many calls allowed in a window."""
    upstream = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": wire.base_url}

    def start(requests: int, window: float, **settings: str) -> ServerProcess:
        limit = {"OPENAI_RPM": str(requests), "PROVIDER_WINDOW_SECONDS": str(window)}
        return start_server({**FREE, **upstream, **limit, **settings})

    wire.forget_calls()
    yield start
    wire.release()


@pytest.fixture
def crowded(limited: StartLimited) -> ServerProcess:
    """Start a server that lets one call out in a window, and two wait; a worker has one queue."""
    return limited(1, 3, QUEUE_SIZE="2", WEB_CONCURRENCY="1")


def test_of_a_burst_none_is_lost_and_none_goes_out_too_early(
    limited: StartLimited, wire: WireServer, column: Column
) -> None:
    calls, limit = (100, 20) if column.is_scaled else (300, 60)  # its database is slower
    server = limited(limit, WINDOW_SECONDS)
    clients = cycle([ChatClient.registered(server.url) for _ in range(6)])
    holding = [Asked("held", TEXT) for _ in range(limit)]
    waiting = [numbered(number) for number in range(calls - limit)]

    with ThreadPoolExecutor(calls) as pool:
        try:
            asking = [pool.submit(one.ask, next(clients)) for one in holding]
            eventually(lambda: wire.live() == limit, CROWD_SECONDS)
            asking += [pool.submit(one.ask, next(clients)) for one in waiting]
            eventually(lambda: all(one.queued for one in waiting), CROWD_SECONDS)
            if not column.is_scaled:  # because each of two workers has places of its own
                eventually(lambda: are_in_order(waiting))
            assert figures_of(server)[WAITING] == len(waiting)
        finally:
            wire.release()
        for one in asking:
            one.result()

    assert_all_have_their_answers([*holding, *waiting])
    assert len(wire.calls()) == calls
    assert_never_above(limit, WINDOW_SECONDS, [at for at, _ in wire.calls()])
    assert_interactive_ones_went_first(waiting, {model: at for at, model in wire.calls()})
    assert_told_at_their_pace(waiting)
    figures = figures_of(server)
    assert (figures[WAITING], figures[WAITED]) == (0, len(waiting))


def are_in_order(waiting: Sequence[Asked]) -> bool:
    """Tell whether each call knows a place of its own, and the interactive calls those in front."""
    of = {
        priority: sorted(one.positions[-1] for one in waiting if one.priority is priority)
        for priority in Priority
    }
    before = len(of[Priority.INTERACTIVE])
    return of == {
        Priority.INTERACTIVE: list(range(1, before + 1)),
        Priority.BACKGROUND: list(range(before + 1, len(waiting) + 1)),
    }


def assert_told_at_their_pace(waiting: Sequence[Asked]) -> None:
    """Check that what was told came no more often than it may."""
    for one in waiting:
        (first, _), (last, _) = one.queued[0], one.queued[-1]
        assert len(one.queued) <= (last - first) / TELL_SECONDS + 2
        assert {detail["provider"] for _, detail in one.queued} == {"openai"}


def test_a_full_queue_is_a_429_that_saves_nothing(crowded: ServerProcess, wire: WireServer) -> None:
    client = ChatClient.registered(crowded.url)
    runs = [client.begin(client.new_session(), "Hello?", model=SHORT) for _ in range(3)]
    session = client.new_session()

    with client.send(session, "One too many.", model=SHORT) as reader:
        problem = json.loads(reader.body())

    retry_after = int(reader.headers["Retry-After"])
    assert (reader.status, problem["status"], problem["code"]) == (429, 429, "queue_full")
    assert reader.headers["Content-Type"] == "application/problem+json"
    assert f"Try again in {retry_after} s." in problem["detail"]
    assert 1 <= retry_after <= 3 * 2
    assert client.messages(session) == []
    assert [client.read_on(run).text for run in runs] == [" word"] * 3
    assert len(wire.calls()) == 3


def test_who_comes_back_when_it_was_told_has_a_place(crowded: ServerProcess) -> None:
    client = ChatClient.registered(crowded.url)
    for _ in range(3):
        client.begin(client.new_session(), "Hello?", model=SHORT)
    body = {"content": "One too many.", "model": SHORT}
    refused = client.call("POST", "/api/chat", body)
    back_at = time.monotonic() + int(refused.headers["Retry-After"])
    assert (refused.status, refused.json["code"]) == (429, "queue_full")

    eventually(lambda: time.monotonic() >= back_at)

    assert client.call("POST", "/api/chat", body).json["content"] == " word"


def test_an_answer_that_is_stopped_while_it_waits_is_never_asked_for(
    crowded: ServerProcess, wire: WireServer
) -> None:
    client = ChatClient.registered(crowded.url)
    with client.send(client.new_session(), "Hello?", model=SHORT) as reader:
        reader.take_into(Answer())
    run = client.begin(client.new_session(), "Hello?", model="words-2-0")
    behind = Asked("words-3-0", " word" * 3)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(behind.ask, client)
        eventually(lambda: bool(behind.queued))
        assert client.stop(run).status == 202
        asking.result()

    end = client.read_on(run).terminal
    assert end is not None
    assert (end["type"], end["finish_reason"], end["full_content"]) == ("done", "stopped", "")
    assert behind.positions == [2, 1]
    assert behind.answer.text == behind.text
    assert [model for _, model in wire.calls()] == [SHORT, behind.model]
    assert client.run(run)["attempts"] == []

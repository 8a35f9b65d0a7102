"""Two servers on one database and one Redis act as one, whichever of them is asked."""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from api.chat_client import REALTIME, Answer, ChatClient, EventReader
from stack.columns import SCALED, Column, only_on
from stack.server_process import StartServer
from wires.fixtures import WireServer
from worlds.patience import eventually
from worlds.two_workers import SHARED, Pair, numbered, read_with_cuts

pytestmark = only_on(SCALED, "embedded there is one server, and one worker")

LONG = "/long 3000 /slow 10"
SHORT = "/long 60 /slow 10\nGrüße 你好 👋🏽"
RUNS, READERS = 4, 40
MOST_READERS = 32
BEGIN, SETTLE = "POST /rest/v1/rpc/begin_turn", "POST /rest/v1/rpc/settle_turn"
BEATS = {"POST /rest/v1/rpc/beat", "POST /rest/v1/rpc/purge"}

Clients = tuple[ChatClient, ChatClient]


@pytest.fixture(scope="module")
def pair(start_shared: StartServer, wire: WireServer) -> Pair:
    """Start the two servers, where models of the wire server may be asked for too."""
    upstream = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": wire.base_url}
    settings = {**SHARED, **upstream, "DEFAULT_PROVIDER": "scripted", "PING_SECONDS": "0.5"}
    return Pair(start_shared(settings), start_shared(settings))


@pytest.fixture
def clients(pair: Pair) -> Clients:
    """Give the client of a new account at each server."""
    return pair.account()


def at_once(*calls: Callable[[], EventReader]) -> list[EventReader]:
    """Make calls at the same moment."""
    together = threading.Barrier(len(calls))

    def make(call: Callable[[], EventReader]) -> EventReader:
        together.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))


def stopped(answer: Answer) -> bool:
    """Tell whether an answer ended because it was stopped."""
    terminal = answer.terminal
    assert terminal is not None
    return (terminal["type"], terminal.get("finish_reason")) == ("done", "stopped")


def test_an_answer_is_the_same_byte_for_byte_at_both(clients: Clients) -> None:
    here, there = clients
    session = here.new_session()
    with (
        here.send(session, SHORT) as first,
        there.follow(first.headers["X-Run-Id"]) as second,
        there.open("GET", f"{REALTIME}/sessions/{session}/stream") as third,
    ):
        answers = [reader.take_into(Answer()) for reader in (first, second, third)]

    stored = there.messages(session)[-1]["content"]
    assert [answer.text for answer in answers] == [stored] * 3
    assert answers[1].frames[1:] == answers[2].frames[1:] == answers[0].frames
    assert answers[1].types()[:2] == ["resume", "start"]
    assert here.read_on(first.headers["X-Run-Id"]).frames[1:] == answers[0].frames


def test_readers_that_change_servers_at_any_byte_miss_nothing_and_get_nothing_twice(
    clients: Clients,
) -> None:
    sessions = [clients[0].new_session() for _ in range(RUNS)]
    runs = [clients[n % 2].begin(session, SHORT) for n, session in enumerate(sessions)]

    with ThreadPoolExecutor(READERS) as pool:
        read = pool.map(lambda n: read_with_cuts(clients, runs[n % RUNS], n), range(READERS))
        answers = list(read)

    stored = [clients[0].messages(session)[-1]["content"] for session in sessions]
    for number, answer in enumerate(answers):
        run = runs[number % RUNS]
        assert answer.text.encode() == stored[number % RUNS].encode()
        assert all(frame.event["recovered"] for frame in answer.frames if frame.type == "resume")
        ids = numbered(answer)
        assert ids == [f"{run}.1.{seq}" for seq in range(1, len(ids) + 1)]


def test_who_saw_the_end_at_one_is_told_nothing_more_at_the_other(clients: Clients) -> None:
    here, there = clients
    for _ in range(10):
        with here.send(here.new_session(), "/slow 0 /echo one two three") as reader:
            run = reader.headers["X-Run-Id"]
            follower = there.follow(run)
            seen = reader.take_into(Answer())

        with there.follow(run, seen.last_id) as nothing_new:
            assert nothing_new.status == 204
        assert follower.take_into(Answer()).frames[1:] == seen.frames


def test_a_stop_at_the_other_ends_the_upstream_and_both_readers_within_a_second(
    clients: Clients, wire: WireServer
) -> None:
    here, there = clients
    session = here.new_session()
    choice = {"provider": "openai", "model": "words-2000-20"}
    with here.send(session, "Hello?", **choice) as first:
        run = first.headers["X-Run-Id"]
        with there.follow(run) as second:
            second.first_bytes()
            assert wire.live(until=1) == 1
            asked = time.monotonic()
            reply = there.stop(run)
            assert wire.live(until=0) == 0
            took = time.monotonic() - asked
            answers = [first.take_into(Answer()), there.read_on(run)]

    assert reply.status == 202
    assert took < 1
    message = there.messages(session)[-1]
    assert message["status"] == "stopped"
    for answer in answers:
        assert stopped(answer)
        assert answer.text == message["content"]


def test_a_conversation_goes_on_at_either_without_a_stream(clients: Clients) -> None:
    here, there = clients
    session = here.new_session()

    said = [
        client.call("POST", "/api/chat", {"content": f"/echo {word}", "session_id": session})
        for client, word in ((there, "one"), (here, "two"), (there, "three"))
    ]

    assert [reply.json["content"] for reply in said] == ["one", "two", "three"]
    assert [m["content"] for m in here.messages(session)][1::2] == ["one", "two", "three"]


def test_a_chat_waits_for_the_answer_that_the_other_writes(clients: Clients) -> None:
    here, there = clients
    body, key = {"content": SHORT}, str(uuid.uuid4())
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(client.call, "POST", "/api/chat", body, Idempotency_Key=key)
            for client in (here, there)
        ]
        first, second = (reply.result() for reply in asked)

    assert (first.status, second.status) == (200, 200)
    assert first.json == second.json


def test_the_same_message_at_both_at_once_is_one_run(clients: Clients) -> None:
    here, there = clients
    session, key = here.new_session(), str(uuid.uuid4())
    path, body = f"{REALTIME}/sessions/{session}/stream", {"content": SHORT}

    readers = at_once(
        *(
            lambda client=client: client.open("POST", path, body, Idempotency_Key=key)
            for client in (here, there) * 3
        )
    )
    answers = [reader.take_into(Answer()) for reader in readers]

    assert {reader.status for reader in readers} == {200}
    assert len({reader.headers["X-Run-Id"] for reader in readers}) == 1
    assert sorted(answer.frames[0].type for answer in answers) == [*["resume"] * 5, "start"]
    assert len({answer.text for answer in answers}) == 1
    assert len(there.messages(session)) == 2


def test_a_message_into_a_session_that_the_other_answers_is_told_the_run(clients: Clients) -> None:
    here, there = clients
    session = here.new_session()
    run = here.begin(session, LONG)

    refused = there.call("POST", "/api/chat", {"content": "Hi", "session_id": session})
    there.stop(run)

    assert (refused.status, refused.json["code"]) == (409, "run_active")
    assert refused.json["active_run_id"] == run
    assert stopped(here.read_on(run))
    assert len(there.messages(session)) == 2


def test_a_logout_ends_the_token_and_the_streams_at_the_other(clients: Clients) -> None:
    here, there = clients
    run = here.begin(here.new_session(), "/slow 3000 /long 3")
    assert there.call("GET", "/api/auth/me").status == 200
    with there.follow(run) as reader:
        reader.first_bytes()

        assert here.call("POST", "/api/auth/logout").status == 204

        eventually(lambda: there.call("GET", "/api/auth/me").status == 401)
        answer = reader.take_into(Answer())
    assert answer.terminal is None


def test_as_many_readers_as_there_may_be_read_at_the_other(clients: Clients) -> None:
    here, there = clients
    with here.send(here.new_session(), "/long 100 /slow 20") as first:
        run = first.headers["X-Run-Id"]
        readers = at_once(*[lambda: there.follow(run)] * MOST_READERS)
        with there.follow(run) as one_too_many:
            assert one_too_many.status == 429
        whole = first.take_into(Answer())
    with ThreadPoolExecutor(MOST_READERS) as pool:
        answers = list(pool.map(lambda reader: reader.take_into(Answer()), readers))

    assert {reader.status for reader in readers} == {200}
    for answer in answers:
        assert answer.frames[1:] == whole.frames


def test_a_session_is_deleted_at_the_other_while_it_is_answered(clients: Clients) -> None:
    here, there = clients
    session = here.new_session()
    with here.send(session, LONG) as reader:
        reader.first_bytes()

        deleted = there.call("DELETE", f"{REALTIME}/sessions/{session}")

        answer = reader.take_into(Answer())
    assert deleted.status == 204
    assert stopped(answer)
    for client in clients:
        for path in (f"sessions/{session}", f"runs/{reader.headers['X-Run-Id']}"):
            assert client.call("GET", f"{REALTIME}/{path}").status == 404


def test_a_turn_costs_two_calls_of_the_store(clients: Clients, column: Column) -> None:
    here, there = clients
    session = here.new_session()
    for client in clients:
        assert client.call("GET", "/api/auth/me").status == 200
    requests = column.supabase.requests
    requests.clear()

    with here.send(session, SHORT) as reader:
        answer = reader.take_into(Answer())

    assert [made for made in requests() if made not in BEATS] == [BEGIN, SETTLE]
    assert answer.text == there.messages(session)[-1]["content"]

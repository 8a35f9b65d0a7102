"""Readers whose connections are cut anywhere, and that read on."""

import random
from concurrent.futures import ThreadPoolExecutor

from api.chat_client import REALTIME, Answer, ChatClient
from stack.server_process import ServerProcess, StartServer

CUTS = 200
RUNS = 20
"""Ten readers a run: a cut reader keeps its place until a write fails, and 32 are admitted."""


def _read_with_cuts(client: ChatClient, run_id: str, rng: random.Random) -> Answer:
    """Read a run to its end, cutting every connection after a random number of bytes."""
    answer = Answer()
    while answer.terminal is None:
        reader = client.follow(run_id, answer.last_id)
        assert reader.status == 200, reader.body()
        for frame in reader.read_at_most(rng.randint(1, 6000)):
            answer.take(frame)
        reader.close()
    return answer


def test_two_hundred_readers_cut_at_any_byte_get_the_text_that_is_stored(
    start_server: StartServer,
) -> None:
    server = start_server({"RATE_LIMIT_ENABLED": "false"})
    client = ChatClient.registered(server.url)
    sessions = [client.new_session() for _ in range(RUNS)]
    runs = [client.begin(session, "/long 150 /slow 20\nGrüße 你好 👋🏽") for session in sessions]

    with ThreadPoolExecutor(CUTS) as pool:
        answers = list(
            pool.map(
                lambda n: _read_with_cuts(client, runs[n % RUNS], random.Random(n)),  # noqa: S311 - repeatable cuts
                range(CUTS),
            )
        )

    stored = [client.messages(session)[-1]["content"] for session in sessions]
    assert all(stored)
    for number, answer in enumerate(answers):
        assert answer.text.encode() == stored[number % RUNS].encode()
        assert answer.terminal is not None
        assert answer.terminal["full_content"] == answer.text


def test_a_reader_that_names_its_last_event_gets_what_comes_after_it(
    shared_server: ServerProcess,
) -> None:
    client = ChatClient.registered(shared_server.url)
    run = client.begin(client.new_session(), "/echo one two three four")
    with client.follow(run) as reader:
        whole = reader.take_into(Answer())
    seen = whole.frames[3]

    with client.follow(run, seen.id) as reader:
        rest = reader.take_into(Answer())

    assert rest.frames[0].event == {"type": "resume", "run_id": run, "recovered": True}
    assert [frame.id for frame in rest.frames[1:]] == [frame.id for frame in whole.frames[4:]]


def test_a_second_device_reads_the_same_answer_from_its_start(
    shared_server: ServerProcess,
) -> None:
    client = ChatClient.registered(shared_server.url)
    session = client.new_session()
    with client.send(session, "/long 40 /slow 10") as first:
        with client.open("GET", f"{REALTIME}/sessions/{session}/stream") as second:
            there = second.take_into(Answer())
        here = first.take_into(Answer())

    assert there.types() == ["resume", *here.types()]
    assert there.text == here.text == here.terminal["full_content"]  # type: ignore[index]  # it ended


def test_closing_the_connection_stops_nothing(shared_server: ServerProcess) -> None:
    client = ChatClient.registered(shared_server.url)
    session = client.new_session()
    reader = client.send(session, "/long 60 /slow 10")
    reader.first_bytes()
    reader.close()

    with client.follow(reader.headers["X-Run-Id"]) as later:
        answer = later.take_into(Answer())
    assert answer.terminal is not None
    assert answer.terminal["finish_reason"] == "stop"
    assert client.messages(session)[-1]["content"] == answer.text

"""How the runs of a dead worker end, where the log and the checkpoints do not hold the same."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from api.chat_client import Answer, ChatClient, EventReader
from stack.fixtures import MakeRedis, MakeSupabase
from torture.checker import disagreement
from torture.cluster import Cluster
from torture.store import active_runs, end_of

LONG = "/long 900 /slow 20"
PATIENCE_SECONDS = 30.0


@pytest.fixture
def cluster(
    tmp_path: Path, make_supabase: MakeSupabase, make_redis: MakeRedis
) -> Iterator[Cluster]:
    """Start two servers with a worker each."""
    with ExitStack() as running:
        made = Cluster(tmp_path, make_supabase(), make_redis(append_only=True), (1, 1))
        running.callback(made.kill)
        made.start()
        yield made


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def read_for(reader: EventReader, answer: Answer, seconds: float) -> None:
    """Read on for a while."""
    deadline = time.monotonic() + seconds
    for frame in reader:
        answer.take(frame)
        if time.monotonic() > deadline:
            return


def read_to_the_end(client: ChatClient, run: str, answer: Answer) -> Answer:
    """Read a run on as a client would, which comes back where a stream ends without an end."""
    for _ in range(3):
        client.follow(run, answer.last_id).take_into(answer)
        if answer.terminal is not None:
            break
    return answer


def test_checkpoints_that_reach_further_than_the_log_are_the_answer_for_everybody(
    cluster: Cluster,
) -> None:
    dying, living = cluster.servers
    client = ChatClient.registered(dying.url)
    survivor = ChatClient(living.url, client.token)
    session = client.new_session()
    seen = Answer()
    with client.send(session, LONG) as reader:
        run = reader.headers["X-Run-Id"]
        read_for(reader, seen, 1.0)
        before = Answer(seen.text, seen.last_id)
        cluster.redis.kill()
        read_for(reader, seen, 3.0)
        dying.kill()
    cluster.redis.start()
    until(lambda: not active_runs(cluster.stack))

    stored = survivor.messages(session)[-1]
    assert stored["status"] == "interrupted"
    assert len(stored["content"].split()) > len(seen.text.split()) - 75  # 1.5 s of three
    for has_read in (Answer(), before, seen):
        answer = read_to_the_end(survivor, run, has_read)
        assert answer.terminal is not None
        assert answer.terminal["full_content"] == answer.text == stored["content"]


def test_an_end_that_was_told_before_it_was_stored_is_stored_by_whoever_comes_first(
    cluster: Cluster,
) -> None:
    dying, living = cluster.servers
    client = ChatClient.registered(dying.url)
    survivor = ChatClient(living.url, client.token)
    session = client.new_session()
    with client.send(session, "/slow 300 /echo all of these words were told") as reader:
        run = reader.headers["X-Run-Id"]
        reader.first_bytes()
        cluster.stack.stop_postgres()
        told = reader.take_into(Answer()).frames[-1]
    dying.kill()
    cluster.stack.start_postgres()
    cluster.stack.wait_until_ready()
    until(lambda: not active_runs(cluster.stack))
    stored = end_of(cluster.stack, run)
    dying.start()
    until(lambda: not list((dying.data_dir / "outbox").glob("*")))

    assert told.event["persisted"] is False
    assert stored is not None
    end = {**stored, "id": run}
    assert disagreement(told.event, told.id, end, stored["content"]) is None
    assert end_of(cluster.stack, run) == stored
    assert read_to_the_end(survivor, run, Answer()).text == stored["content"]

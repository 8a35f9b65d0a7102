"""Two servers are restarted one after the other while they stream: each reader gets to an end."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest
from api.chat_client import ChatClient
from stack.redis_server import RedisServer
from stack.server_process import ServerProcess
from stack.supabase_stack import SupabaseStack
from torture.checker import check
from torture.client import Place, TortureClient
from torture.cluster import SETTINGS, Cluster
from torture.evidence import Evidence, Question
from torture.faults import FaultLog
from torture.store import Stored, read_store
from worlds.patience import eventually

STREAMS = 100
GRACEFUL_SECONDS = 10
PACE_MILLISECONDS = 20
SHORT_WORDS = 80
"""1.6 s: well within the half of the graceful time in which answers may end."""
LONG_WORDS = 900
"""18 s: longer than a server stays that was told to stop."""
REFUSED = 10
PATIENCE_SECONDS = 60.0


@pytest.fixture
def cluster(
    tmp_path: Path, supabase: SupabaseStack, redis_server: RedisServer
) -> Iterator[Cluster]:
    """Start two servers over one Supabase and one Redis."""
    with ExitStack() as running:
        settings = {**SETTINGS, "GRACEFUL_TIMEOUT": str(GRACEFUL_SECONDS)}
        made = Cluster(tmp_path, supabase, redis_server, (1, 1), settings)
        running.callback(made.kill)
        made.start()
        yield made
        made.stop()


@dataclass(frozen=True, slots=True)
class Rolled:
    """What a restart of one of two servers did to all streams."""

    evidence: Evidence
    stored: Stored
    status: int
    began: float
    seconds: float
    refused: list[int]


@pytest.mark.timeout(300)  # twice the stay of the longest answers, and the starts of servers
def test_a_rolling_restart_leaves_every_reader_with_an_end(cluster: Cluster) -> None:
    user = ChatClient.registered(cluster.urls[0])
    for going, staying in (cluster.servers, cluster.servers[::-1]):
        rolled = restart_under_load(cluster, user, going, staying)

        assert check(rolled.evidence, rolled.stored, FaultLog()) == []
        assert (rolled.status, rolled.seconds < GRACEFUL_SECONDS) == (0, True)
        assert rolled.refused == [HTTPStatus.SERVICE_UNAVAILABLE] * REFUSED
        assert outcomes_on(going, rolled) == {"short": {"complete"}, "long": {"interrupted"}}
        assert outcomes_on(staying, rolled) == {"short": {"complete"}, "long": {"complete"}}
        assert readers_that_moved(going, staying, rolled)
        assert short_answers_amid(rolled)


def restart_under_load(
    cluster: Cluster, user: ChatClient, going: ServerProcess, staying: ServerProcess
) -> Rolled:
    """Have answers written by both servers, the short ones last, and restart one server."""
    with ThreadPoolExecutor(10) as pool:
        sessions = list(pool.map(lambda _: user.new_session(), range(STREAMS + REFUSED)))
    evidence = Evidence()
    asking = [
        threading.Thread(
            target=client_of(evidence, user, [(going, staying)[number % 2].url], cluster.urls).ask,
            args=(question,),
        )
        for number, question in enumerate(questions(sessions[:STREAMS]))
    ]
    long, short = asking[: STREAMS // 2], asking[STREAMS // 2 :]
    start_and_wait(evidence, long)
    following = [
        threading.Thread(
            target=client_of(evidence, user, [], cluster.urls).read_on,
            args=(evidence.read(seen.run_id, seen.session),),
        )
        for seen in list(evidence.transcripts)
    ]
    start_and_wait(evidence, following)
    start_and_wait(evidence, short)
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        stopping = pool.submit(going.stop)
        refused = [refusal(user, going, session) for session in sessions[STREAMS:]]
        status, seconds = stopping.result(), time.monotonic() - began
    going.start()
    for reader in (*asking, *following):
        reader.join()
    stored = read_store(cluster.stack, sessions)
    return Rolled(evidence, stored, status, began, seconds, refused)


def questions(sessions: list[str]) -> list[Question]:
    """Ask in every session: the first half for long answers, the other for short ones."""
    return [
        Question(
            session,
            " ".join(
                f"s{number}w{word}é"
                for word in range(LONG_WORDS if number < STREAMS // 2 else SHORT_WORDS)
            ),
            PACE_MILLISECONDS,
        )
        for number, session in enumerate(sessions)
    ]


def client_of(
    evidence: Evidence, user: ChatClient, send_to: list[str], read_from: list[str]
) -> TortureClient:
    """Make a client that loses no connection of itself."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    place = Place(
        send_to=send_to,
        read_from=read_from,
        token=user.token or "",
        is_over=lambda: time.monotonic() > deadline,
        cut_chance=0.0,
    )
    return TortureClient(place, evidence, str(len(evidence.transcripts)))


def start_and_wait(evidence: Evidence, threads: list[threading.Thread]) -> None:
    """Start readers, and wait until each has seen a piece of its answer."""
    before = sum(bool(seen.pieces) for seen in evidence.transcripts)
    for thread in threads:
        thread.start()
    wanted = before + len(threads)
    eventually(lambda: sum(bool(seen.pieces) for seen in evidence.transcripts) == wanted)


def refusal(user: ChatClient, server: ServerProcess, session: str) -> int:
    """Send to a server as soon as it is about to stop."""
    client = ChatClient(server.url, user.token)
    eventually(lambda: client.call("GET", "/ready").status == HTTPStatus.SERVICE_UNAVAILABLE)
    with client.send(session, "too late") as reader:
        return reader.status


def outcomes_on(server: ServerProcess, rolled: Rolled) -> dict[str, set[str]]:
    """Give how answers that a server wrote have ended, the short and the long."""
    outcomes: dict[str, set[str]] = {"short": set(), "long": set()}
    for seen in rolled.evidence.transcripts:
        if seen.visits[0].is_post and seen.visits[0].server == server.url:
            run = rolled.stored.runs[seen.run_id]
            asked = rolled.stored.messages[run["user_message_id"]]["content"]
            outcomes["long" if len(asked.split()) > LONG_WORDS else "short"].add(run["status"])
    return outcomes


def readers_that_moved(going: ServerProcess, staying: ServerProcess, rolled: Rolled) -> int:
    """Count readers that were sent away without an end and read it from the other server."""
    paths = ([visit.server for visit in seen.visits] for seen in rolled.evidence.transcripts)
    return sum(path[:1] == [going.url] and path[-1] == staying.url for path in paths)


def short_answers_amid(rolled: Rolled) -> int:
    """Count the short answers that ended whole while the server was stopping."""
    return sum(
        rolled.began < seen.terminal.at < rolled.began + rolled.seconds
        and seen.terminal.frame.type == "done"
        for seen in rolled.evidence.transcripts
        if seen.terminal is not None
    )

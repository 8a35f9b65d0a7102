"""`/metrics` of a server with two workers: the sums, whichever answers and whichever has died."""

import signal
from functools import partial

import psutil
import pytest
from api.chat_client import Answer, ChatClient
from api.figures import Figures, figures_of, folder_of, only, workers_of
from stack.columns import SCALED, Column, only_on
from stack.server_process import START_SECONDS, ServerProcess, StartServer
from worlds.patience import eventually

pytestmark = only_on(SCALED, "there are several workers in the scaled one only")

RUNS = 'charla_runs_total{provider="scripted",reason="stop"}'
EVENTS = 'charla_events_total{provider="scripted"}'
FIRST_TOKENS = 'charla_time_to_first_token_seconds_count{provider="scripted"}'
ACTIVE, READERS = "charla_runs_active", "charla_readers"
SENT = (
    'charla_http_requests_total{method="POST",'
    'route="/api/chat/realtime/sessions/<session_id>/stream",status="200"}'
)


@pytest.fixture
def server(start_server: StartServer, column: Column) -> ServerProcess:
    """Start two workers."""
    assert column.server_settings["WEB_CONCURRENCY"] == "2"
    return start_server()


def told_by(worker: psutil.Process, server: ServerProcess) -> Figures:
    """Ask a certain worker."""
    with only(worker, server):
        return figures_of(server)


def answer(client: ChatClient) -> None:
    """Have a short answer written, and read it."""
    client.send(client.new_session(), "/long 5 /slow 1").take_into(Answer())


def test_each_worker_tells_the_sums_of_both(server: ServerProcess) -> None:
    client = ChatClient.registered(server.url)
    for worker, count in zip(workers_of(server), (1, 2), strict=True):
        with only(worker, server):
            for _ in range(count):
                answer(client)

    one, other = (told_by(worker, server) for worker in workers_of(server))

    assert (one[RUNS], one[FIRST_TOKENS], one[SENT], one[ACTIVE]) == (3, 3, 3, 0)
    for name in (RUNS, EVENTS, FIRST_TOKENS, SENT, ACTIVE, READERS):
        assert one[name] == other[name], name
    assert "MonkeyPatchWarning" not in server.output()


def test_the_answers_and_readers_of_a_killed_worker_are_not_counted_on(
    server: ServerProcess,
) -> None:
    client = ChatClient.registered(server.url)
    killed, other = workers_of(server)
    with only(killed, server):
        answer(client)
        reading = client.send(client.new_session(), "/long 3000 /slow 20")
    with reading:
        next(iter(reading))
        before = told_by(other, server)
        killed.kill()

        eventually(lambda: told_by(other, server)[ACTIVE] == 0)

    after = told_by(other, server)
    assert (before[ACTIVE], before[READERS], before[RUNS], before[SENT]) == (1, 1, 1, 2)
    assert (after[READERS], after[RUNS], after[SENT]) == (0, 1, 2)


def test_counters_go_on_over_killed_and_reloaded_workers_in_no_more_files(
    server: ServerProcess,
) -> None:
    client = ChatClient.registered(server.url)
    folder, slots = folder_of(workers_of(server)[0]), set[str]()
    for sent in range(1, 5):
        answer(client)
        before = {worker.pid for worker in workers_of(server)}
        if sent % 2:
            workers_of(server)[0].kill()
        else:
            server.members()[0].send_signal(signal.SIGHUP)
        eventually(partial(has_new_workers, server, before), START_SECONDS)

        assert figures_of(server)[SENT] == sent
        slots |= {path.stem.rpartition("_")[2] for path in folder.glob("counter_*.db")}

    assert slots <= {"0", "1", "2", "3"}  # on a reload there are twice as many for a while
    server.stop()
    assert not folder.exists()


def has_new_workers(server: ServerProcess, before: set[int]) -> bool:
    """Tell whether two workers are there, some of them new, and all replaced workers have gone."""
    now = {worker.pid for worker in workers_of(server)}
    said = {pid for pid in now if f"worker    {pid} is ready\n" in server.output()}
    return len(now) == 2 and said == now and now != before

"""A worker that has just been started, and does not answer yet."""

import os
import signal
import time

from api.figures import workers_of
from stack.server_process import ServerProcess, StartServer
from worlds.patience import eventually

GRACEFUL_SECONDS = 40


def test_a_server_that_has_just_replaced_a_worker_still_ends_at_once(
    start_server: StartServer,
) -> None:
    server = start_server({"GRACEFUL_TIMEOUT": str(GRACEFUL_SECONDS)})
    before = {worker.pid for worker in workers_of(server)}
    workers_of(server)[0].kill()
    eventually(lambda: has_another(server, before))
    told = time.monotonic()

    status = server.stop()

    assert (status, time.monotonic() - told < GRACEFUL_SECONDS) == (0, True)


def test_a_server_starts_and_reloads_without_a_warning(start_server: StartServer) -> None:
    server = start_server()
    before = {worker.pid for worker in workers_of(server)}
    os.kill(server.pid, signal.SIGHUP)
    eventually(lambda: has_another(server, before))
    eventually(lambda: before.isdisjoint(worker.pid for worker in workers_of(server)))
    server.stop()

    assert "Warning" not in server.output()


def has_another(server: ServerProcess, before: set[int]) -> bool:
    """Tell whether a worker was forked."""
    return any(worker.pid not in before for worker in workers_of(server))

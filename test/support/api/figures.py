"""Reads what `/metrics` tells."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from api.chat_client import ChatClient
from stack.server_process import ServerProcess

from services.telemetry.figure_files import PREFIX

Figures = dict[str, float]
LINE = re.compile(r"^(charla_\S+) (\S+)$", re.MULTILINE)


def figures_in(text: str) -> Figures:
    """Read Prometheus' text format; the names include their labels."""
    return {name: float(value) for name, value in LINE.findall(text)}


def figures_of(server: ServerProcess) -> Figures:
    """Ask a server for its figures; any of its workers may answer."""
    with ChatClient(server.url).open("GET", "/metrics") as reader:
        assert reader.status == 200
        return figures_in(reader.body().decode())


def workers_of(server: ServerProcess) -> list[psutil.Process]:
    """List the worker processes of a server."""
    return server.members()[1:]


@contextmanager
def only(worker: psutil.Process, server: ServerProcess) -> Iterator[None]:
    """Have one worker answer all new connections; the others are suspended meanwhile.

    A worker that was killed may still be listed, and be gone by the next line.
    """
    with ExitStack() as resuming:
        for other in workers_of(server):
            if other.pid != worker.pid:
                with suppress(psutil.NoSuchProcess):
                    other.suspend()
                    resuming.callback(_resume, other)
        yield


def _resume(worker: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        worker.resume()


def folder_of(worker: psutil.Process) -> Path:
    """Find the folder in which a worker keeps its figures."""
    mapped = (Path(each.path) for each in worker.memory_maps())
    return next(path.parent for path in mapped if path.parent.name.startswith(PREFIX))

"""The real server as a child process, for tests that need sockets, signals and crashes."""

import contextlib
import http.client
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import psutil
from source_tree import ROOT

START_SECONDS = 60.0  # importing an SDK takes 8 s alone, far longer where all cores are busy
STOP_SECONDS = 45.0  # longer than GRACEFUL_TIMEOUT
POLL_SECONDS = 0.05
WORKER_READY = re.compile(r"^  worker +(\d+) is ready$", re.MULTILINE)

_GIVEN: list[socket.socket] = []
"""The sockets that name the ports which tests of this process were given."""


def find_free_port() -> int:
    """Find a port on which no process listens, and that no test was given before.

    The port is below the range that the kernel gives to outgoing connections, so that none of those
    takes it before the server does. A socket with the port's name, which this process holds until
    it ends, keeps the tests of other processes away.
    """
    while True:
        port = random.randint(15000, 32000)  # noqa: S311 - it protects no secret
        name = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe, contextlib.suppress(OSError):
            name.bind(f"\0charla-port-of-a-test-{port}")
            probe.bind(("127.0.0.1", port))
            _GIVEN.append(name)
            return port
        name.close()


class ServerProcess:
    """`python app.py` on a free port with a data folder of its own.

    Of the environment it inherits only what a program needs to run, so that a developer's keys
    never reach it. When it is started again after `stop` or `kill`, it has the same port and data.
    `home` is the folder of the code: the project, or a copy of it; `python` is what runs it.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """Prepare a server whose data and output stay in `folder`; `settings` are as in .env."""
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = folder / "data"
        self.home = ROOT
        self.python = Path(sys.executable)
        self._output_file = folder / "server.log"
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start, and return once all workers answer and are ready; else fail with the output."""
        folder = self._output_file.parent
        folder.mkdir(parents=True, exist_ok=True)
        with self._output_file.open("ab") as output:
            self._process = subprocess.Popen(
                [self.python, "app.py"],
                cwd=self.home,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C at the tests must not reach the server
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> int:
        """Ask the server to end as a deploy does (SIGTERM), wait, and return its exit status."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end on SIGTERM:\n{self.output()}") from None

    def wait(self) -> int:
        """Wait for the server's end, whatever causes it, and return its exit status."""
        return self._running().wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill master and workers at once, as a crash of the machine does (kill -9)."""
        for member in self.members():
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        if self._process is not None:
            self._process.wait(STOP_SECONDS)

    def members(self) -> list[psutil.Process]:
        """List the master and all its workers, the master first; empty where it has ended."""
        if self._process is None or self._process.poll() is not None:
            return []
        try:
            master = psutil.Process(self._process.pid)
            return [master, *master.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def output(self) -> str:
        """Give everything that the server has printed, over all its starts."""
        return self._output_file.read_text(errors="replace") if self._output_file.exists() else ""

    @property
    def pid(self) -> int:
        """The master's process id."""
        return self._running().pid

    def __enter__(self) -> Self:
        """Start the server."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the server, if it runs."""
        if self.members():
            self.stop()

    def _environment(self) -> dict[str, str]:
        kept = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV"}
        inherited = {
            name: value
            for name, value in os.environ.items()  # noqa: TID251 - a child needs PATH and HOME
            if name in kept
        }
        own = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "DATA_DIR": str(self.data_dir),
            "PYTHONUNBUFFERED": "1",
        }
        return inherited | own | self._settings

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise AssertionError("the server was not started")
        return self._process

    def _wait_until_ready(self) -> None:
        process = self._running()
        workers = int(self._settings.get("WEB_CONCURRENCY", "1"))
        for _ in _polls(START_SECONDS):
            if process.poll() is not None:
                raise AssertionError(f"ended with {process.returncode}:\n{self.output()}")
            if workers > 1 and len(self._workers_ready()) < workers:
                continue
            if _status_of(self.port, "/ready") == http.HTTPStatus.OK:
                return
        raise AssertionError(f"not ready after {START_SECONDS} s:\n{self.output()}")

    def _workers_ready(self) -> set[int]:
        """List the workers that print that they are ready; a single worker does not print it."""
        said = {int(pid) for pid in WORKER_READY.findall(self.output())}
        return said & {worker.pid for worker in self.members()[1:]}


class StartServer(Protocol):
    """What the fixture `start_server` gives."""

    def __call__(self, settings: Mapping[str, str] | None = None) -> ServerProcess:
        """Start a server; it is ready when this returns."""


def _polls(seconds: float) -> Iterator[None]:
    """Yield repeatedly until the time is over; a starting process announces nothing."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(POLL_SECONDS)


def _status_of(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()

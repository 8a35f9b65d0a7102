"""The servers that are measured: how each is started and called, and what it uses."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import psutil

from bench.shared import Shared

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 180.0
STOP_SECONDS = 40.0
OUT_OF_REACH = {
    "RATE_LIMIT_ENABLED": "false",
    "MAX_STREAMS": "6000",
    "ACCESS_TOKEN_SECONDS": "86400",
    "READ_TIMEOUT_SECONDS": "600",
    "CONTENT_TIMEOUT_SECONDS": "600",
}
"""Limits of Charla that a long benchmark with one user would meet.

The upstream is silent while many streams are opened, and for so many streams the server raises its
limit of open files by itself.
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, with all its processes."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    output: Path

    def cpu_seconds(self) -> float:
        """Give the CPU time that master and workers have used so far."""
        times = [member.cpu_times() for member in self._members()]
        return sum(used.user + used.system for used in times)

    def memory_mb(self) -> float:
        """Give the memory that master and workers hold (RSS)."""
        return float(sum(member.memory_info().rss for member in self._members())) / 2**20

    def end(self) -> list[psutil.Process]:
        """Ask the server to end; give its processes."""
        members = self._members()
        self.process.send_signal(signal.SIGTERM)
        return members

    def wait_for_end(self, members: Sequence[psutil.Process]) -> None:
        """Wait until the server has ended; kill it if it does not end by itself."""
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for member in members:
                member.kill()

    def _members(self) -> list[psutil.Process]:
        master = psutil.Process(self.process.pid)
        return [master, *master.children(recursive=True)]


class Servers:
    """Starts servers whose output goes to files in one folder, and ends them all."""

    def __init__(self, folder: Path) -> None:
        """Keep output and data in this folder."""
        self._folder = folder
        self._running: list[Server] = []
        self._shared = ExitStack()

    def upstream(self) -> Server:
        """Start the provider that all the others relay from."""
        port = free_port()
        return self._start("upstream", port, ["-m", "bench.upstream", str(port)], {})

    def flask(self, upstream: Server) -> Server:
        """Start the Flask textbook relay."""
        port = free_port()
        options = ["--worker-class", "gevent", "--workers", "1", "--worker-connections", "5000"]
        options += ["--config", os.devnull]  # the file in this folder is Charla's
        options += [
            "--no-control-socket",
            "--bind",
            f"127.0.0.1:{port}",
            "bench.peers.peer_flask:app",
        ]
        return self._start("flask", port, ["-m", "gunicorn", *options], asked_at(upstream))

    def fastapi(self, upstream: Server) -> Server:
        """Start the FastAPI textbook relay."""
        port = free_port()
        options = ["--port", str(port), "--log-level", "warning", "bench.peers.peer_fastapi:app"]
        return self._start("fastapi", port, ["-m", "uvicorn", *options], asked_at(upstream))

    def charla(self, upstream: Server, name: str = "charla", **more: str) -> Server:
        """Start Charla as a user would, with limits off or out of reach and all else on."""
        port = free_port()
        settings = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "DATA_DIR": str(self._folder / f"data-{port}"),
            "OPENAI_API_KEY": "none",
            "OPENAI_BASE_URL": asked_at(upstream)["UPSTREAM"],
            "LOCAL_BASE_URL": asked_at(upstream)["UPSTREAM"],
            "ANTHROPIC_API_KEY": "none",
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{upstream.port}",
            "GOOGLE_AI_API_KEY": "none",
            "GOOGLE_GEMINI_BASE_URL": f"http://127.0.0.1:{upstream.port}",
            "FAILOVER": "none",
            **OUT_OF_REACH,
            **more,
        }
        return self._start(name, port, ["app.py"], settings, answers_ready)

    def shared(self) -> Shared:
        """Start what several workers share."""
        print("  starting Supabase and Redis", flush=True)
        return self._shared.enter_context(Shared())

    def stop(self) -> None:
        """End every server that was started, all at the same time."""
        ending = [(server, server.end()) for server in self._running]
        self._running.clear()
        for server, members in ending:
            server.wait_for_end(members)
        self._shared.close()

    def _start(
        self,
        name: str,
        port: int,
        command: list[str],
        settings: Mapping[str, str],
        is_ready: Callable[[int], bool] | None = None,
    ) -> Server:
        print(f"  starting {name}", flush=True)
        output = self._folder / f"{name}-{port}.log"
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        with output.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env={**kept, **settings},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        server = Server(name, port, process, output)
        self._running.append(server)
        wait_for(server, is_ready or listens)
        return server


def asked_at(upstream: Server) -> dict[str, str]:
    """Tell a relay where its upstream is."""
    return {"UPSTREAM": f"http://127.0.0.1:{upstream.port}/v1"}


def free_port() -> int:
    """Find a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(server: Server, is_ready: Callable[[int], bool]) -> None:
    """Wait until a server is ready, or say what it printed."""
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(server.port):
        if server.process.poll() is not None or time.monotonic() > deadline:
            printed = server.output.read_text(errors="replace")
            raise SystemExit(f"{server.name} did not start:\n{printed}")
        time.sleep(0.1)


def listens(port: int) -> bool:
    """Tell whether connections are accepted on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers_ready(port: int) -> bool:
    """Tell whether Charla says that it is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False

"""A pytest plugin: the servers that stand for providers, one of each for a test process."""

import contextlib
import json
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from source_tree import ROOT, SUPPORT

AIMOCK = ROOT / "test" / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
STOP_SECONDS = 10.0

WIRE = (sys.executable, "-m", "wires.server")
"""The server that speaks all formats; it takes a port, or finds a free one."""


class WireServer:
    """The running `wires/server.py`: where it listens, and what it has seen."""

    def __init__(self, port: int) -> None:
        """Take its port."""
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.base_url = f"{self.url}/v1"

    def live(self, until: int | None = None) -> int:
        """Count the open answers, once there are `until` or after five seconds."""
        told = self._get("/live" if until is None else f"/live?until={until}")
        live: int = told["live"]
        return live

    def seen(self) -> dict[str, Any]:
        """Give `count` and `connections` so far, the `last` body and its `headers`."""
        return self._get("/requests")

    def calls(self) -> list[tuple[float, str]]:
        """List the latest calls: when each arrived (`time.monotonic`), and its model."""
        return [(at, model) for at, model in self._get("/requests")["calls"]]

    def release(self) -> None:
        """Let the calls be answered that are held."""
        self._get("/release")

    def forget_calls(self) -> None:
        """Begin the list anew, and hold calls again."""
        self._get("/requests", "DELETE")

    def _get(self, path: str, method: str = "GET") -> dict[str, Any]:
        asked = urllib.request.Request(self.url + path, method=method)  # noqa: S310 - our own server
        with urllib.request.urlopen(asked, timeout=STOP_SECONDS) as answer:  # noqa: S310 - the same
            told: dict[str, Any] = json.load(answer)
            return told


@contextlib.contextmanager
def running(*command: str | Path) -> Generator[int, None, None]:
    """Run a server that prints its port at the end of a line; give the port."""
    with subprocess.Popen(command, cwd=SUPPORT, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = _announced_port(process)
            # A pipe that nobody reads would block a server that goes on printing.
            threading.Thread(target=process.communicate, daemon=True).start()
            yield port
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _announced_port(process: subprocess.Popen[str]) -> int:
    for line in process.stdout or ():
        if found := re.search(r"(\d+)$", line.strip()):
            return int(found[1])
    raise AssertionError(f"ended with {process.wait(STOP_SECONDS)} before it told its port")


@pytest.fixture(scope="session")
def wire() -> Generator[WireServer, None, None]:
    """Start the server of `wires/server.py`."""
    with running(*WIRE) as port:
        yield WireServer(port)


@pytest.fixture(scope="session")
def aimock() -> Generator[str, None, None]:
    """Start the independent mock of OpenAI's wire format; give its base URL."""
    assert AIMOCK.exists(), "run: npm ci --prefix test"
    with running(
        "node", AIMOCK, "--port", "0", "--fixtures", SUPPORT / "wires" / "aimock.json"
    ) as port:
        yield f"http://127.0.0.1:{port}/v1"

"""A disk that is full is told, and the server goes on when there is room again."""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from api.chat_client import Answer, ChatClient
from disks.sealed_python import SealedPython, fill
from stack.server_process import ServerProcess

PATIENCE_SECONDS = 20.0


def asked(url: str) -> tuple[int, Any]:
    """Ask for a document, and give its status too."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the server of this test
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as exc:
        return exc.code, json.load(exc)


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait for what comes with the next probe."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_full_disk_is_not_ready_says_why_and_heals(tmp_path: Path) -> None:
    sealed = SealedPython.make(tmp_path, Path(sys.executable))
    server = ServerProcess(tmp_path / "server")
    server.python, server.data_dir = sealed.path, sealed.disk / "data"
    with server:
        client = ChatClient.registered(server.url)
        session = client.new_session()
        ballast = fill(sealed.seen_by(server.members()[-1]))

        eventually(lambda: asked(f"{server.url}/ready")[0] == 503)
        _, told = asked(f"{server.url}/ready")
        alive, _ = asked(f"{server.url}/health")
        ballast.unlink()
        eventually(lambda: asked(f"{server.url}/ready")[0] == 200)
        with client.send(session, "/echo room again") as reader:
            answer = reader.take_into(Answer())

    log = server.output()
    assert told["checks"]["store"] == "unavailable"
    assert "The disk is full" in told["reasons"]["store"]
    assert alive == 200
    assert answer.text == "room again"
    assert 1 <= log.count("beat_failed ") <= 2  # twice a second it fails; it is told once
    assert "The disk is full" in log
    assert "beat_failed_over" in log
    assert "Traceback" not in log

"""A disk that takes no write and gives no error holds up nobody who does not need it."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from api.chat_client import Answer, ChatClient
from stack.server_process import ServerProcess

from services.stores.sqlite.file.database import PULSE

PATIENCE_SECONDS = 20.0


def asked(url: str) -> tuple[int, Any, float]:
    """Ask for a document, and give its status and how long it took."""
    began = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the server of this test
            return answer.status, json.load(answer), time.monotonic() - began
    except urllib.error.HTTPError as exc:
        return exc.code, json.load(exc), time.monotonic() - began


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait for what comes with the next probe."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def stall(folder: Path) -> None:
    """Let the next write to the folder wait as a frozen disk does: nobody reads this pipe."""
    os.mkfifo(folder / "pipe")
    (folder / "pipe").replace(folder / PULSE)


def test_a_disk_that_stalls_is_not_ready_in_time_and_heals(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "server")
    with server:
        client = ChatClient.registered(server.url)
        session = client.new_session()
        stall(server.data_dir)

        eventually(lambda: asked(f"{server.url}/ready")[0] == 503)
        alive, _, took = asked(f"{server.url}/health")
        eventually(lambda: "stalls" in asked(f"{server.url}/ready")[1]["reasons"]["store"])
        _, _, at_most = asked(f"{server.url}/ready")

        reader = os.open(server.data_dir / PULSE, os.O_RDONLY)  # the write that waits goes on
        eventually(lambda: asked(f"{server.url}/ready")[0] == 200)
        with client.send(session, "/echo it goes on") as stream:
            answer = stream.take_into(Answer())
        os.close(reader)

    log = server.output()
    assert alive == 200
    assert took < 1.0
    assert at_most < 4.0
    assert answer.text == "it goes on"
    assert "beat_failed " in log
    assert "The disk of DATA_DIR stalls" in log
    assert "Traceback" not in log

"""Wrong settings: all are told at once, at the start and before a reload."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from api.chat_client import ChatClient
from api.figures import workers_of
from source_tree import ROOT
from stack.server_process import START_SECONDS, ServerProcess, StartServer
from wires.model_lists import model_lists
from worlds.patience import eventually

RIGHT = """
models:
  - {provider: openai, name: ours, window: 9000, max_output: 900}
"""
NOBODY = "http://127.0.0.1:9/v1"
WRONG = RIGHT.replace("ours", "others")


def refused(folder: Path, **settings: str) -> str:
    """Try to start a server, and give the reasons why it does not."""
    told = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={"DATA_DIR": str(folder), "PATH": "/usr/bin:/bin", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    assert "Traceback" not in told.stderr
    return told.stderr


def names_in(told: str) -> set[str]:
    """List the variables that a refusal names."""
    _, _, lines = told.partition("The settings are not valid:\n")
    return {line.split(":")[0].strip() for line in lines.splitlines()}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"PORT": "http", "BEAT_SECONDS": "-1", "OPENAI_BASE_URL": "nonsense"},
            {"PORT", "BEAT_SECONDS", "OPENAI_BASE_URL"},
        ),
        (
            {"PORT": "http", "FAILOVER": "nobody", "DEFAULT_MODEL": "nobodys"},
            {"PORT", "FAILOVER", "DEFAULT_MODEL"},
        ),
        (
            {"PORT": "http", "LOCAL_BASE_URL": NOBODY, "DEFAULT_PROVIDER": "local"},
            {"PORT", "LOCAL_BASE_URL"},
        ),
        ({"SCRIPTED": "off"}, {"SCRIPTED"}),
        (
            {"SCRIPTED": "off", "DEFAULT_PROVIDER": "scripted", "OPENAI_API_KEY": "k"},
            {"DEFAULT_PROVIDER"},
        ),
        ({"SCRIPTED": "off", "OPENAI_API_KEY": "k", "FAILOVER": "scripted"}, {"FAILOVER"}),
        ({"SCRIPTED": "true"}, {"SCRIPTED"}),
        # Only a provider that could be built can tell which names are wrong.
        ({"OPENAI_BASE_URL": "nonsense", "DEFAULT_MODEL": "gpt-4.1"}, {"OPENAI_BASE_URL"}),
        ({"GEMINI_API_KEY": "a,,", "DEFAULT_MODEL": "gemini-3.8-flash"}, {"GEMINI_API_KEY"}),
    ],
)
def test_wrong_settings_are_all_told_at_once(
    tmp_path: Path, settings: Mapping[str, str], told: set[str]
) -> None:
    assert names_in(refused(tmp_path, **settings)) == told


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({"DEFAULT_MODEL": "scripted-1"}, 0),
        ({"DEFAULT_PROVIDER": "local", "DEFAULT_MODEL": "not-listed-but-taken"}, 0),
        ({"DEFAULT_PROVIDER": "local"}, 1),
    ],
)
def test_a_local_server_is_asked_before_the_start_only_where_the_default_hangs_on_it(
    start_server: StartServer, settings: Mapping[str, str], asked: int
) -> None:
    with model_lists() as lists:
        lists.body = json.dumps({"data": [{"id": "phi4"}]}).encode()
        server = start_server({"LOCAL_BASE_URL": lists.url, **settings})

        workers = len(workers_of(server))
    assert len(lists.paths) == asked + workers  # each worker asks for itself


def test_a_reload_with_a_name_that_nobody_offers_changes_nothing(
    start_server: StartServer, tmp_path: Path
) -> None:
    models = tmp_path / "models.yaml"
    models.write_text(RIGHT)
    settings = {"MODELS_FILE": str(models), "OPENAI_API_KEY": "k", "DEFAULT_MODEL": "ours"}
    server = start_server(settings)
    before = {worker.pid for worker in workers_of(server)}

    models.write_text(WRONG)
    os.kill(server.pid, signal.SIGHUP)
    eventually(lambda: "Not reloaded." in server.output(), START_SECONDS)

    assert "DEFAULT_MODEL: " in server.output()
    eventually(lambda: {worker.pid for worker in workers_of(server)} == before)
    assert ChatClient(server.url).call("GET", "/ready").status == 200

    models.write_text(RIGHT)
    os.kill(server.pid, signal.SIGHUP)
    eventually(lambda: not before & {worker.pid for worker in workers_of(server)}, START_SECONDS)


def test_a_check_that_cannot_be_made_keeps_a_server_as_it_is(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "server")
    server.python = another_environment(tmp_path / "venv")
    with server:
        server.python.unlink()
        os.kill(server.pid, signal.SIGHUP)
        eventually(lambda: "Not reloaded: " in server.output())

        assert ChatClient(server.url).call("GET", "/ready").status == 200
        assert server.stop() == 0


def another_environment(folder: Path) -> Path:
    """Make a virtual environment with the packages of this one; give its Python."""
    this = Path(sys.prefix)
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(Path(sys.executable).resolve())
    (folder / "lib").symlink_to(this / "lib")
    (folder / "pyvenv.cfg").write_bytes((this / "pyvenv.cfg").read_bytes())
    return python

"""A server outlives what its lines are written to: it starts, answers, and ends as asked."""

import sys
import urllib.request
from pathlib import Path

import pytest
from api.chat_client import Answer, ChatClient
from stack.server_process import ServerProcess

LINES = 600
"""More than a pipe holds: 64 KiB."""

OUTPUTS = {
    "closed": "os.close(1); os.close(2)",
    "full disk": "full = os.open('/dev/full', os.O_WRONLY); os.dup2(full, 1); os.dup2(full, 2)",
    "reader gone": "r, w = os.pipe(); os.dup2(w, 1); os.dup2(w, 2); os.close(r)",
    "reader asleep": "r, w = os.pipe(); os.dup2(w, 1); os.dup2(w, 2); os.set_inheritable(r, True)",
}
PROGRAM = """#!{python}
import os, sys
{output}
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


@pytest.mark.parametrize("output", list(OUTPUTS))
def test_a_server_whose_lines_go_nowhere_answers(tmp_path: Path, output: str) -> None:
    program = tmp_path / "python"
    program.write_text(PROGRAM.format(python=sys.executable, output=OUTPUTS[output]))
    program.chmod(0o700)
    server = ServerProcess(tmp_path / "server", {"PYTHONIOENCODING": "ascii"})
    server.python, server.data_dir = program, tmp_path / "Übung"
    with server:
        for _ in range(LINES):
            with urllib.request.urlopen(f"{server.url}/health", timeout=10) as answered:  # noqa: S310 - the server of this test
                assert answered.status == 200
        client = ChatClient.registered(server.url)
        with client.send(client.new_session(), "/echo all the same") as reader:
            answer = reader.take_into(Answer())
        status = server.stop()

    assert answer.text == "all the same"
    assert status == 0
    assert server.output() == ""
    assert (server.data_dir / "charla.db").read_bytes().startswith(b"SQLite format 3\0")


def test_a_shell_that_knows_no_letter_but_ascii_and_exports_for_others_gets_the_lines(
    tmp_path: Path,
) -> None:
    shell = {
        "PYTHONIOENCODING": "ascii",
        "LC_ALL": "C",
        "FLASK_DEBUG": "1",
        "GUNICORN_CMD_ARGS": "--workers=3 --bind=127.0.0.1:1",
    }
    server = ServerProcess(tmp_path / "server", shell)
    server.data_dir = tmp_path / "Übung"
    with server:
        members = server.members()

    assert len(members) == 2
    assert "bung" in server.output()
    assert "GUNICORN_CMD_ARGS: not used here" in server.output()
    assert "Traceback" not in server.output()

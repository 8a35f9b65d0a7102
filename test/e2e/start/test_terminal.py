"""Closing the terminal of a server ends it; a SIGHUP that somebody sends reloads it."""

import os
import pty
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from stack.server_process import ServerProcess

PATIENCE_SECONDS = 30.0
PROGRAM = """#!{python}
import os, sys
terminal = os.open({terminal!r}, os.O_RDWR)
import fcntl, termios
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
if {ignores}:
    import signal
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


@contextmanager
def in_terminal(folder: Path, *, ignores: bool = False) -> Iterator[tuple[ServerProcess, int]]:
    """Start a server that leads a terminal's session; give the end that a window would hold."""
    window, terminal = pty.openpty()
    program = folder / "python"
    program.write_text(
        PROGRAM.format(python=sys.executable, terminal=os.ttyname(terminal), ignores=ignores)
    )
    program.chmod(0o700)
    server = ServerProcess(folder / "server")
    server.python = program
    try:
        with server:
            os.close(terminal)
            yield server, window
    finally:
        with suppress(OSError):
            os.close(window)


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what a signal leads to."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def worker_of(server: ServerProcess) -> psutil.Process:
    """Give the only worker."""
    return server.members()[1]


def test_a_server_ends_with_its_terminal_and_a_signal_reloads_it(tmp_path: Path) -> None:
    with in_terminal(tmp_path) as (server, window):
        first = worker_of(server)
        os.kill(server.pid, signal.SIGHUP)
        until(lambda: not first.is_running())
        until(lambda: len(server.members()) == 2)
        members = server.members()

        os.close(window)
        status = server.wait()

    assert status == 0
    assert not any(member.is_running() for member in members)


def test_under_nohup_a_server_outlives_its_terminal(tmp_path: Path) -> None:
    with in_terminal(tmp_path, ignores=True) as (server, window):
        first = worker_of(server)
        os.close(window)
        os.kill(server.pid, signal.SIGHUP)
        until(lambda: not first.is_running())
        until(lambda: len(server.members()) == 2)
        assert server.stop() == 0


def test_the_terminals_signal_to_all_processes_kills_no_worker(tmp_path: Path) -> None:
    with in_terminal(tmp_path) as (server, _):
        worker = worker_of(server)
        worker.send_signal(signal.SIGHUP)

        with pytest.raises(psutil.TimeoutExpired):
            worker.wait(1.0)

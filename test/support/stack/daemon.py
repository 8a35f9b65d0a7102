"""A server program that a test starts, breaks and ends."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from stack.private_folder import PrivateFolder, unprivileged

START_SECONDS = 60.0  # a start takes a second; this is for a machine whose cores are all busy
STOP_SECONDS = 20.0
POLL_SECONDS = 0.02
LOG_TAIL = 2000
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
"""Nothing from a developer's environment: PGHOST would send the tests to another database."""


class Daemon:
    """A program in a private folder; when started again, it has the same folder and command."""

    def __init__(
        self,
        name: str,
        folder: PrivateFolder,
        command: Sequence[str | Path],
        is_ready: Callable[[], bool],
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Prepare the program; `stop_signal` is what asks it to end in order."""
        self.name = name
        self._folder = folder
        self._command = command
        self._is_ready = is_ready
        self._stop_signal = stop_signal
        self._log_file = folder.path / f"{name}.log"
        self._pid_file = folder.path / f"{name}.pid"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program, and return once it is ready; fail with its output if it is not."""
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder.path,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C at the tests must not reach the server
                **unprivileged(),
            )
        self._pid_file.write_text(str(self._process.pid))
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Return once it is ready, or fail with its output."""
        assert self._process is not None, f"{self.name} was not started"
        deadline = time.monotonic() + seconds
        while not self._is_ready():
            ended = self._process.poll()
            assert ended is None, f"{self.name} ended with {ended}:\n{self.log()}"
            assert time.monotonic() < deadline, f"{self.name} is not ready:\n{self.log()}"
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Ask the program to end, and kill it if it does not; where it has ended, do nothing."""
        if self._process is None:
            return
        self.resume()
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """Kill the program and all its children at once (kill -9)."""
        killed = self._family()
        self._signal_all(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(STOP_SECONDS)
        _wait_until_gone(killed)
        self._pid_file.unlink(missing_ok=True)

    def pause(self) -> None:
        """Let the program hang: its connections stay open, and it answers nothing."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the program go on."""
        self._signal_all(signal.SIGCONT)

    def log(self) -> str:
        """Give the end of what the program has printed, over all its starts."""
        text = self._log_file.read_text(errors="replace") if self._log_file.exists() else ""
        return text[-LOG_TAIL:]

    def _signal_all(self, number: signal.Signals) -> None:
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _family(self) -> list[psutil.Process]:
        """List the program and its children, which may have sessions of their own."""
        if self._process is None or self._process.poll() is not None:
            return []
        try:
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _wait_until_gone(processes: Sequence[psutil.Process]) -> None:
    """Wait for killed children, which hold what a new start needs; a zombie counts as gone."""
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        while psutil.pid_exists(process.pid) and time.monotonic() < deadline:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() == psutil.STATUS_ZOMBIE:
                    break
            time.sleep(POLL_SECONDS)

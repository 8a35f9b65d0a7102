"""Locks in the data folder, between processes and within one."""

import os
import subprocess
import sys
from pathlib import Path

import gevent
from source_tree import ROOT

from services.runs.leases.lock import SERVER_LOCK, WORKER_LOCK, FolderLock

HOLDER = """
import sys
from pathlib import Path
from services.runs.leases.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]), sys.argv[2])
print("held" if lock.try_acquire() else "refused", flush=True)
sys.stdin.read()
"""


def hold(folder: Path, name: str = SERVER_LOCK) -> "subprocess.Popen[str]":
    """Start another process that takes the lock, or is refused, and keeps what it got."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), name],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> str:
    """Read what the process got."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_folder_is_made(tmp_path: Path) -> None:
    assert FolderLock(tmp_path / "a" / "b", SERVER_LOCK).try_acquire()
    assert (tmp_path / "a" / "b" / SERVER_LOCK).stat().st_mode & 0o777 == 0o600


def test_one_process_holds_it_and_another_learns_which(tmp_path: Path) -> None:
    with hold(tmp_path) as process:
        assert said(process) == "held"
        lock = FolderLock(tmp_path, SERVER_LOCK)
        assert not lock.try_acquire()
        assert lock.holder() == str(process.pid)
        process.communicate()
    assert lock.try_acquire()
    assert lock.holder() == str(os.getpid())


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, SERVER_LOCK)
    with hold(tmp_path) as process:
        assert said(process) == "held"
        process.kill()
    assert lock.try_acquire()


def test_another_process_is_refused_until_it_is_given_back(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, SERVER_LOCK)
    assert lock.try_acquire()
    with hold(tmp_path) as refused:
        assert said(refused) == "refused"
        refused.communicate()
    lock.release()
    with hold(tmp_path) as process:
        assert said(process) == "held"
        process.communicate()


def test_the_locks_of_a_folder_are_independent(tmp_path: Path) -> None:
    assert FolderLock(tmp_path, SERVER_LOCK).try_acquire()
    assert FolderLock(tmp_path, WORKER_LOCK).try_acquire()


def test_waiting_for_it_lets_others_go_on(tmp_path: Path) -> None:
    old, new = FolderLock(tmp_path, WORKER_LOCK), FolderLock(tmp_path, WORKER_LOCK)
    assert old.try_acquire()
    waiting = gevent.spawn(new.acquire, gevent.sleep)
    gevent.sleep(0.15)
    assert not waiting.ready()
    old.release()
    waiting.get(timeout=10)
    assert not FolderLock(tmp_path, WORKER_LOCK).try_acquire()


def test_nobody_has_held_a_new_one(tmp_path: Path) -> None:
    assert FolderLock(tmp_path, SERVER_LOCK).holder() == "unknown"

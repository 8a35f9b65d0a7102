"""The real servers under the tests leave nothing behind, however a test run ends."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import psutil
from source_tree import ROOT

GONE_SECONDS = 20.0
START_AND_WAIT = """
from stack.redis_server import RedisServer
from stack.supabase_stack import SupabaseStack
with SupabaseStack(), RedisServer():
    print("started", flush=True)
    input()
"""


def is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE  # if nothing reaps orphans
    return False


def test_servers_and_their_folders_go_with_a_process_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT],
        cwd=ROOT / "test" / "support",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as tests:
        assert tests.stdout is not None
        assert tests.stdout.readline() == b"started\n"
        servers = psutil.Process(tests.pid).children(recursive=True)
        names = {server.name() for server in servers}
        folders = [Path(server.cmdline()[-1]) for server in servers if server.name() == "sh"]
        tests.kill()

    deadline = time.monotonic() + GONE_SECONDS
    while any(map(is_alive, servers)) or any(folder.exists() for folder in folders):
        assert time.monotonic() < deadline, [server for server in servers if is_alive(server)]
        time.sleep(0.05)
    assert names >= {"postgres", "postgrest", "nginx", "redis-server"}
    assert len(folders) == 3  # the third is the template of new databases

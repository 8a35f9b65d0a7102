"""Several servers over one Supabase and one Redis, all of which a torture breaks."""

import contextlib
import http.client
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from api.chat_client import ChatClient
from source_tree import ROOT
from stack.redis_server import RedisServer
from stack.server_process import POLL_SECONDS, START_SECONDS, ServerProcess
from stack.supabase_stack import SupabaseStack

WORKER_DEAD_SECONDS = 3.0
BEAT_SECONDS = 0.5

SETTINGS = {
    "RATE_LIMIT_ENABLED": "false",
    "JWT_SECRET_KEY": "all servers have the same one, or tokens are good at one only",
    "ACCESS_TOKEN_SECONDS": "86400",
    "PASSWORD_HASH_MEMORY_KIB": "1024",
    "WORKER_DEAD_SECONDS": str(WORKER_DEAD_SECONDS),
    "BEAT_SECONDS": str(BEAT_SECONDS),
    "UNLISTED_RUN_SECONDS": "3",
    "SETTLE_RETRY_SECONDS": "2",
    "PING_SECONDS": "2",
    "GRACEFUL_TIMEOUT": "6",
}


CODE = ("app.py", "wsgi.py", "gunicorn.conf.py", "controllers", "routes", "services")


class BreakableServer(ServerProcess):
    """A server that is ready once one worker is: another may be killed while it starts."""

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._running().poll() is None, f"ended:\n{self.output()}"
            with contextlib.suppress(OSError, http.client.HTTPException):
                if ChatClient(self.url).call("GET", "/ready").status == http.HTTPStatus.OK:
                    return
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"{self.port} is not ready after {START_SECONDS:g} s")


def copy_of_the_code(folder: Path) -> Path:
    """Copy the code for the servers: workers start for hours, and must not meet an edit of it."""
    for name in CODE:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder)
    return folder


class Cluster:
    """Servers with ports and data folders of their own."""

    def __init__(
        self,
        folder: Path,
        stack: SupabaseStack,
        redis: RedisServer,
        workers: Sequence[int],
        settings: Mapping[str, str] = SETTINGS,
    ) -> None:
        """Prepare a server for each number of workers."""
        self.stack = stack
        self.redis = redis
        shared = {**settings, **stack.settings(), "REDIS_URL": redis.url}
        self.servers = [
            BreakableServer(folder / f"server-{number}", {**shared, "WEB_CONCURRENCY": str(count)})
            for number, count in enumerate(workers)
        ]
        code = folder / "code"
        code.mkdir()
        for server in self.servers:
            server.home = copy_of_the_code(code) if server is self.servers[0] else code
        self.worker_count = sum(workers)
        self._busy = {server.port: threading.Lock() for server in self.servers}

    @property
    def urls(self) -> list[str]:
        """The addresses at which the servers answer."""
        return [server.url for server in self.servers]

    def lock_of(self, server: ServerProcess) -> threading.Lock:
        """Give the lock that is held while a server is started or ended."""
        return self._busy[server.port]

    def start(self) -> None:
        """Start all servers at once."""
        with ThreadPoolExecutor(len(self.servers)) as pool:
            list(pool.map(ServerProcess.start, self.servers))

    def stop(self) -> list[int]:
        """Ask all servers to end, and give their exit statuses."""
        with ThreadPoolExecutor(len(self.servers)) as pool:
            return list(pool.map(ServerProcess.stop, self.servers))

    def kill(self) -> None:
        """Kill all servers that still run."""
        for server in self.servers:
            server.kill()

    def workers(self) -> list[tuple[ServerProcess, psutil.Process]]:
        """List the worker processes that exist now, each with its server."""
        return [(server, worker) for server in self.servers for worker in server.members()[1:]]

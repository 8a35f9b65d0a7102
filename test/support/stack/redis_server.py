"""A real Redis for the tests: it is private, so that they may break it."""

import shutil
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError
from stack.daemon import Daemon
from stack.private_folder import PrivateFolder
from stack.server_process import find_free_port

ANSWER_SECONDS = 5.0


class RedisServer(Daemon):
    """`redis-server` on a port of its own; when stopped or killed, it can be started again.

    `append_only` writes each command to a file, synced every second, as for a server whose data
    must survive; without it, every start begins empty.
    """

    def __init__(
        self, *, append_only: bool = False, eviction: str = "noeviction", cluster: bool = False
    ) -> None:
        """Prepare it; `eviction` is its `maxmemory-policy`, `cluster` makes it a cluster's node."""
        program = shutil.which("redis-server")
        assert program is not None, "run: .ci/setup-system redis-server"
        port = find_free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        self._private = PrivateFolder()
        options = {
            "bind": "127.0.0.1",
            "port": port,
            "dir": self._private.make("data"),
            "save": '""',
            "appendonly": "yes" if append_only else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": eviction,
            "cluster-enabled": "yes" if cluster else "no",
        }
        lines = "".join(f"{name} {value}\n" for name, value in options.items())
        command = [program, str(self._private.write("redis.conf", lines))]
        super().__init__("redis", self._private, command, self._answers)

    def flush(self) -> None:
        """Delete all data, with FLUSHALL."""
        with closing(self.client()) as client:
            client.flushall()

    def client(self) -> Redis:
        """Open a connection; the caller closes it."""
        return Redis.from_url(self.url, socket_timeout=ANSWER_SECONDS)

    def __enter__(self) -> Self:
        """Start the server."""
        with ExitStack() as undo:
            undo.callback(self._private.close)
            undo.callback(self.stop)
            self.start()
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the server, whatever its state, and remove its data."""
        self.stop()
        self._private.close()

    def _answers(self) -> bool:
        try:
            with closing(self.client()) as client:
                return bool(client.ping())
        except RedisError:
            return False

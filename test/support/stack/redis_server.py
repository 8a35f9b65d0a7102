"""A real Redis for the tests: it is private, so that they may break it."""

import shutil
import time
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Any, Self

import trustme
from redis import Redis
from redis.exceptions import RedisError
from stack.daemon import POLL_SECONDS, Daemon
from stack.private_folder import PrivateFolder
from stack.server_process import find_free_port

ANSWER_SECONDS = 5.0


def _program() -> str:
    program = shutil.which("redis-server")
    assert program is not None, "run: .ci/setup-system redis-server"
    return program


class RedisServer(Daemon):
    """`redis-server` on a port of its own; when stopped or killed, it can be started again.

    `append_only` writes each command to a file, synced every second, as for a server whose data
    must survive; without it, every start begins empty.
    """

    def __init__(
        self, *, append_only: bool = False, eviction: str = "noeviction", cluster: bool = False
    ) -> None:
        """Prepare it; `eviction` is its `maxmemory-policy`, `cluster` makes it a cluster's node."""
        port = self.port = find_free_port()
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
            "repl-diskless-sync-delay": 0,
        }
        lines = "".join(f"{name} {value}\n" for name, value in options.items())
        command = [_program(), str(self._private.write("redis.conf", lines))]
        super().__init__("redis", self._private, command, self._answers)

    def flush(self) -> None:
        """Delete all data, with FLUSHALL."""
        with closing(self.client()) as client:
            client.flushall()

    def command(self, *words: str) -> Any:
        """Send one command, and give its reply."""
        with closing(self.client()) as client:
            return client.execute_command(*words)  # type: ignore[no-untyped-call]  # as redis-py has it

    def follow(self, main: "RedisServer") -> None:
        """Become a replica of another server, and return when all of its data is here."""
        self.command("REPLICAOF", "127.0.0.1", str(main.port))
        deadline = time.monotonic() + ANSWER_SECONDS * 2
        while self.command("ROLE")[3] != b"connected":
            assert time.monotonic() < deadline, "it does not follow"
            time.sleep(POLL_SECONDS)

    def take_over(self, main: "RedisServer") -> None:
        """Become the main server, and let the former one follow: a failover."""
        self.command("REPLICAOF", "NO", "ONE")
        main.command("REPLICAOF", "127.0.0.1", str(self.port))

    def speak_tls(self, authority: trustme.CA) -> int:
        """Answer on a further port with TLS, and give the port."""
        issued = authority.issue_cert("127.0.0.1")
        key = self._private.write("key.pem", issued.private_key_pem.bytes().decode())
        chain = b"".join(one.bytes() for one in issued.cert_chain_pems)
        certificate = self._private.write("certificate.pem", chain.decode())
        port = find_free_port()
        self.command("CONFIG", "SET", "tls-auth-clients", "no")
        self.command("CONFIG", "SET", "tls-cert-file", str(certificate), "tls-key-file", str(key))
        self.command("CONFIG", "SET", "tls-port", str(port))
        return port

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


class SentinelServer(Daemon):
    """`redis-server --sentinel`, which watches a main server under the name `main`."""

    def __init__(self, main: RedisServer) -> None:
        """Prepare it; one Sentinel alone decides on a failover."""
        self.port = find_free_port()
        self._private = PrivateFolder()
        lines = (
            f"bind 127.0.0.1\nport {self.port}\n"
            f"sentinel monitor main 127.0.0.1 {main.port} 1\n"
            "sentinel down-after-milliseconds main 300\n"
            "sentinel failover-timeout main 3000\n"
        )
        config = self._private.write("sentinel.conf", lines)
        command = [_program(), str(config), "--sentinel"]
        super().__init__("sentinel", self._private, command, self._knows_a_replica)

    @property
    def host(self) -> str:
        """Give its place in a URL."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Start it, and return when it knows the main server's replica."""
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
        """End it."""
        self.stop()
        self._private.close()

    def command(self, *words: str) -> Any:
        """Send one command, and give its reply."""
        with closing(Redis(port=self.port, socket_timeout=ANSWER_SECONDS)) as client:
            return client.execute_command(*words)  # type: ignore[no-untyped-call]  # as redis-py has it

    def _knows_a_replica(self) -> bool:
        try:
            return bool(self.command("SENTINEL REPLICAS", "main"))
        except RedisError:
            return False

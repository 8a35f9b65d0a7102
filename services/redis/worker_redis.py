"""The connections of a worker to its Redis, and whether that is away: one answer for all parts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.redis.presence import Party, Presence

FAILURES = (redis.RedisError, OSError)
"""All errors that Redis, and the way to it, can raise."""

PATIENCE_SECONDS = 0.25
"""How long answers wait for Redis, unless another time is set."""

CONNECT_SECONDS = 1.0
_MIN_ANSWER_SECONDS = 1.0
_PATIENCES = 4

PROBE_KEY = "charla:probe"
PROBE = "return redis.call('SET', KEYS[1], 1, 'PX', 1000)"
"""A Redis that answers, but takes no writes or runs no scripts, is still away."""


class Script(Protocol):
    """A script that Redis knows by its hash, and is sent if Redis does not know it."""

    def __call__(self, *, keys: Sequence[Any] = (), args: Sequence[Any] = ()) -> Any:
        """Run it once; raises FAILURES."""


class WorkerRedis:
    """One Redis, to which each part of a worker opens the connections that fit its own waits.

    A part that meets a failure calls `look`; what the look finds holds for all parts.
    """

    def __init__(
        self,
        url: str,
        patience_seconds: float = PATIENCE_SECONDS,
        on_change: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        """Connect at the first use.

        `on_change` is called with the reason when Redis is found away, and with None when it is
        back. A Redis that takes longer to answer than four times the patience, and longer than a
        second, is away.
        """
        self._url = url
        self._answer_seconds = max(_MIN_ANSWER_SECONDS, _PATIENCES * patience_seconds)
        self._opened: list[Any] = []
        self._probing: Any = self.open()
        self._presence = Presence(
            self._probe,
            on_change,
            lost=self._drop_connections,
            longest_seconds=self._answer_seconds,
        )

    @property
    def is_away(self) -> bool:
        """Tell whether Redis is away, so that asking it is useless."""
        return self._presence.is_away

    @property
    def reason(self) -> str:
        """Give why Redis is away; empty if it is not."""
        return self._presence.reason or ""

    def join(self, party: Party) -> None:
        """Tell a part from now on what the looks find; Redis is looked at while there are parts."""
        self._presence.join(party)

    def leave(self, party: Party) -> None:
        """Tell a part nothing more; may be called again."""
        if not self._presence.leave(party):
            self._probing.close()

    def look(self) -> None:
        """Have Redis looked at in the background, at once; never waits for the look."""
        self._presence.look()

    def open(
        self,
        *,
        answer_seconds: float | None = None,
        most: int | None = None,
        queue_seconds: float | None = None,
        health_check_seconds: float = 0,
    ) -> Any:
        """Give a client of redis-py with a set of connections of its own; the caller closes it.

        An answer may take `answer_seconds`; None: as long as a look may. There are at most `most`
        connections; a caller waits `queue_seconds` for one; None: the call fails if all are in use.
        A client is Any: redis-py types each reply as that of its synchronous or asynchronous half.
        """
        answer = self._answer_seconds if answer_seconds is None else answer_seconds
        options: dict[str, Any] = {
            "socket_timeout": answer,
            "socket_connect_timeout": min(CONNECT_SECONDS, answer),
            # The caller knows what may be repeated, and when.
            "retry": Retry(NoBackoff(), 0),
            "health_check_interval": health_check_seconds,
            "max_connections": most,
            "protocol": 2,
            "client_name": "charla",
        }
        if queue_seconds is None:
            client = redis.Redis.from_url(self._url, **options)
        else:
            pool = redis.BlockingConnectionPool.from_url(
                self._url, timeout=queue_seconds, **options
            )
            client = redis.Redis(connection_pool=pool)
        self._opened.append(client)
        return client

    def _probe(self) -> None:
        try:
            self._probing.eval(PROBE, 1, PROBE_KEY)
        except BaseException:
            self._probing.connection_pool.disconnect()  # another server may take the address
            raise

    def _drop_connections(self) -> None:
        """Let every client connect anew: after a failover another server has the address."""
        for client in self._opened:
            client.connection_pool.disconnect(inuse_connections=False)


def close_client(client: Any) -> None:
    """Close a client that `WorkerRedis.open` gave, with all its connections."""
    client.close()
    client.connection_pool.disconnect()


def script_of(client: Any, path: Path) -> Script:
    """Prepare a script that is run over a client's connections."""
    script: Script = client.register_script(path.read_text(encoding="utf-8"))
    return script

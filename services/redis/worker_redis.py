"""The connections of a worker to its Redis, and whether that is away: one answer for all parts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from services.redis.address import parse
from services.redis.causes import cause_of
from services.redis.connections import Opener
from services.redis.presence import Party, Presence

PATIENCE_SECONDS = 0.25
"""How long answers wait for Redis, unless another time is set."""

_MIN_ANSWER_SECONDS = 1.0
_PATIENCES = 4

PROBE_KEY = "charla:probe"
PROBE = """
redis.call('SET', KEYS[1], 1, 'PX', 1000)
local told = redis.pcall('INFO', 'server')
return type(told) == 'string' and string.match(told, 'run_id:(%x+)') or ''
"""
"""A Redis that answers, but takes no writes or runs no scripts, is still away.

It says which server it is, if it may: after a failover that nobody noticed it is another one.
"""


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
        second, is away. `url` is one that `parse` takes.
        """
        self._opener = Opener(parse(url))
        self._answer_seconds = max(_MIN_ANSWER_SECONDS, _PATIENCES * patience_seconds)
        self._opened: list[Any] = []
        self._server: object = None
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

    @property
    def losses(self) -> int:
        """Count how often Redis was lost: what was opened before the last loss leads elsewhere."""
        return self._opener.route.losses

    def look(self, failure: Exception | None = None) -> None:
        """Have Redis looked at in the background, at once; never waits for the look.

        `failure` is what a part has met, if anything: where it says that a connection leads to what
        was the main server once, none is used again.
        """
        if failure is not None and cause_of(failure).has_moved:
            self._drop_connections()
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
        client = self._opener.open(
            self._answer_seconds if answer_seconds is None else answer_seconds,
            most=most,
            queue_seconds=queue_seconds,
            health_check_seconds=health_check_seconds,
        )
        self._opened.append(client)
        return client

    def _probe(self) -> None:
        try:
            server = self._probing.eval(PROBE, 1, PROBE_KEY)
        except BaseException:
            self._opener.route.lose()  # another server may have the address now
            self._probing.connection_pool.disconnect()
            raise
        if self._server is not None and server != self._server:
            self._drop_connections()  # they lead to what was there before
        self._server = server

    def _drop_connections(self) -> None:
        """Let every client connect anew: after a failover another server has the address.

        What is in use now is dropped before its next use.
        """
        self._opener.route.lose()
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

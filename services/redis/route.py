"""The way to the server that takes writes: fixed, or asked of Sentinels after each loss."""

from collections.abc import Callable
from typing import Any

from services.names.connecting import look_up_anew
from services.redis.address import Host, RedisAddress, Sentinels
from services.redis.causes import FAILURES, NoServer, cause_of

OpenHost = Callable[[Host, Sentinels], Any]
"""Opens a client to one Sentinel; the caller closes it."""


class Route:
    """Where connections lead to.

    `losses` counts how often the server was lost. A connection that was made before the last loss
    is not used again: it may lead to what was the main server, or to what had its name.
    """

    def __init__(self, address: RedisAddress, open_sentinel: OpenHost) -> None:
        """Ask nobody yet."""
        self.losses = 0
        self._address = address
        self._open_sentinel = open_sentinel
        self._asked_at = -1
        self._found: Host | None = address.host

    def lose(self) -> None:
        """Have every connection made anew before it is used again, and its address looked up."""
        self.losses += 1
        if self._address.host is not None:
            look_up_anew(self._address.host[0])

    def find(self) -> Host:
        """Give the server's host and port; raises redis-py's ConnectionError where nobody knows it.

        The Sentinels are asked once after each loss, each time beginning with another one: some
        may not have heard of a failover yet.
        """
        sentinels = self._address.sentinels
        if sentinels is not None and (self._found is None or self._asked_at != self.losses):
            losses = self.losses
            self._found = self._ask(sentinels, losses)
            self._asked_at = losses
        if self._found is None:
            raise NoServer("there is no address", passes=False)
        return self._found

    def _ask(self, sentinels: Sentinels, losses: int) -> Host:
        first = losses % len(sentinels.hosts)
        failures: list[str] = []
        do_know = True
        for host in (*sentinels.hosts[first:], *sentinels.hosts[:first]):
            name = "{}:{}".format(*host)
            client = self._open_sentinel(host, sentinels)
            try:
                found = client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", sentinels.name)
            except FAILURES as exc:
                cause = cause_of(exc)
                do_know = do_know and not cause.passes
                failures.append(f"Sentinel {name}: {cause}")
                continue
            finally:
                client.connection_pool.disconnect()
            if found:
                address, port = found
                return _text(address), int(port)
            failures.append(f"Sentinel {name} knows no server named {sentinels.name}")
        raise NoServer("; ".join(failures), passes=not do_know)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)

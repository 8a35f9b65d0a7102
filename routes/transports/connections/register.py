"""All connections of a worker: who holds how many, and which of them wait for their client."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice

from routes.transports.connections.bounds import Bounds
from routes.transports.connections.client_socket import ClientSocket
from routes.transports.connections.debts import Debts
from services.domain.callers.networks import circles_of
from services.domain.callers.shares import may_take

_FEW = 4
"""A network that holds less than so many gets the place of a connection that waits."""

_LONG_SECONDS = 1.0
"""Who was waited for so long gives way to any of those; a client sends its request at once."""

_REMEMBERED = 4096
"""So many networks that had to give way are kept in mind."""

_LOOKED_AT = 64
"""Of so many that have waited longest one gives way; to look at all of them would take longer than
to serve the newcomer."""

IsProxy = Callable[[str], bool]
"""Tells whether an address is that of a proxy, whose connections are those of many."""


class Register:
    """Lets connections in, fairly by network, and lets go those that nobody needs.

    Connections of proxies belong to no network. Where all places are taken, one whose client is
    waited for makes room: a client that has sent its request, and takes its answer, loses nothing.
    """

    def __init__(self, bounds: Bounds, is_proxy: IsProxy) -> None:
        """Begin without connections."""
        self._bounds = bounds
        self._is_proxy = is_proxy
        self._present: set[ClientSocket] = set()
        self._waiting: dict[ClientSocket, float] = {}
        self._gave_way: dict[str, float] = {}
        self._held: Counter[str] = Counter()
        self._debts = Debts(bounds.unsent_bytes, bounds.network_share)

    def __len__(self) -> int:
        """Count the connections."""
        return len(self._present)

    def enter(self, client: ClientSocket, address: str) -> bool:
        """Let a connection in, or tell that there is no place for it.

        A network that holds next to nothing gets the place of a waiting connection of another one.
        """
        circles = () if self._is_proxy(address) else circles_of(address)
        free = self._bounds.places - len(self._present)
        # Nobody loses a place for a newcomer that would not get it.
        if not self._may_take(circles, max(1, free)):
            return False
        if free <= 0 and not self._make_room(circles):
            return False
        client.circles, client.waiting, client.debts = circles, self._waiting, self._debts
        self._present.add(client)
        for circle in circles:
            self._held[circle] += 1
        return True

    def leave(self, client: ClientSocket) -> None:
        """Give a place back; a second call does nothing."""
        if client not in self._present:
            return
        self._waiting.pop(client, None)
        client.release()
        client.waiting, client.debts = {}, Debts(sys.maxsize)
        self._present.remove(client)
        for circle in client.circles:
            self._held[circle] -= 1
            if not self._held[circle]:
                del self._held[circle]

    def let_idle_go(self) -> None:
        """Close the connections that wait for a request."""
        self._let_go(lambda client: client.is_idle)

    def let_unfinished_go(self) -> None:
        """Wait no more for requests, half sent or not; answers that are being taken go on."""
        self._let_go(lambda client: not client.is_behind)

    def _let_go(self, is_meant: Callable[[ClientSocket], bool]) -> None:
        for client in [one for one in self._waiting if is_meant(one)]:
            client.let_go()

    def _may_take(self, circles: tuple[str, ...], free: int) -> bool:
        share = self._bounds.network_share
        return all(may_take(self._held[circle], free, share) for circle in circles)

    def _make_room(self, circles: tuple[str, ...]) -> bool:
        """Close a connection that has waited long, of a network that does not hold less.

        A network that had to give way takes no other's place for a while: those that only wait
        would else drive each other out without end, and all others queue up behind them.
        """
        held = max((self._held[circle] for circle in circles), default=0)
        if held >= _FEW or self._has_given_way(circles):
            return False
        others = (one for one in self._waiting if not circles or one.circles[:1] != circles[:1])
        victim = max(islice(others, _LOOKED_AT), key=self._held_beside, default=None)
        if victim is None:
            return False
        is_long = time.monotonic() - self._waiting[victim] > _LONG_SECONDS
        if circles and self._held_beside(victim) < held and not is_long:
            return False
        if not (victim.was_answered and victim.is_idle):
            self._keep_in_mind(victim.circles[:1])
        victim.let_go()
        self.leave(victim)
        return True

    def _has_given_way(self, circles: tuple[str, ...]) -> bool:
        since = self._gave_way.get(circles[0]) if circles else None
        return since is not None and time.monotonic() - since < self._bounds.head_seconds

    def _keep_in_mind(self, circles: tuple[str, ...]) -> None:
        for circle in circles:
            self._gave_way.pop(circle, None)
            self._gave_way[circle] = time.monotonic()
            if len(self._gave_way) > _REMEMBERED:
                del self._gave_way[next(iter(self._gave_way))]

    def _held_beside(self, client: ClientSocket) -> int:
        return max((self._held[circle] for circle in client.circles), default=0)

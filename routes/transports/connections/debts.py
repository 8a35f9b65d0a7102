"""The memory of unfinished answers and bodies: bounded in all, and shared by network."""

from collections import Counter
from collections.abc import Sequence

from services.domain.callers.shares import WHOLE, may_take

_UNIT_BYTES = 64 * 1024
"""What is owed is counted in these; less than one is not told apart from nothing."""


class Debts:
    """What is owed to clients that are behind.

    A network that takes its answers slowly, or not at all, holds its share of the memory and no
    more; the next answer that it does not take at once is dropped.
    """

    def __init__(self, most_bytes: int, network_share: float = WHOLE) -> None:
        """Begin with nothing."""
        self._most = most_bytes
        self._share = network_share
        self._owed = 0
        self._by_network: Counter[str] = Counter()

    def __len__(self) -> int:
        """Tell how many bytes are owed."""
        return self._owed

    def take(self, networks: Sequence[str], count: int) -> bool:
        """Owe so many bytes to a client of these networks, or tell that it is too much."""
        free = (self._most - self._owed) // _UNIT_BYTES
        for network in networks or ("",):
            if not may_take(self._by_network[network] // _UNIT_BYTES, free, self._share):
                return False
        self._change(networks, count)
        return True

    def give_back(self, networks: Sequence[str], count: int) -> None:
        """Note that they are owed no more."""
        self._change(networks, -count)

    def _change(self, networks: Sequence[str], count: int) -> None:
        self._owed += count
        for network in networks:
            self._by_network[network] += count
            if not self._by_network[network]:
                del self._by_network[network]

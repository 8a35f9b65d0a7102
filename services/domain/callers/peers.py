"""Who is at the other end of a request."""

from collections.abc import Callable
from dataclasses import dataclass


def _stays() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a request, as far as work for it depends on it.

    `has_left` tells, without waiting, whether it closed its connection. `is_known`: it has been
    here before, so it goes before those who have not where there is no room for all.
    """

    address: str = ""
    has_left: Callable[[], bool] = _stays
    is_known: bool = False


SOMEBODY = Peer()
"""A caller of whom nothing is known: a command, for example."""

"""One search at a time for each user: searches read much, and all share one database."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gevent.lock import BoundedSemaphore

from services.domain.errors.requests import TooManyRequests

WAIT_SECONDS = 2.0
MAX_WAITING = 4
"""Of one user: whoever types sends a further search before the last one has ended."""


@dataclass(slots=True)
class _Line:
    """The searches of one user that are under way or wait."""

    lock: BoundedSemaphore = field(default_factory=BoundedSemaphore)
    length: int = 0


class Searches:
    """Lets the searches of each user in one after the other."""

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        """Let a search wait so long for the one before it."""
        self._wait_seconds = wait_seconds
        self._lines: dict[str, _Line] = {}

    @contextmanager
    def one_of(self, user_id: str) -> Generator[None, None, None]:
        """Search within the block, or raise TooManyRequests if its turn does not come soon."""
        line = self._lines.setdefault(user_id, _Line())
        if line.length > MAX_WAITING:
            raise _busy()
        line.length += 1
        try:
            if not line.lock.acquire(timeout=self._wait_seconds):
                raise _busy()
            try:
                yield
            finally:
                line.lock.release()
        finally:
            line.length -= 1
            if not line.length:
                del self._lines[user_id]


def _busy() -> TooManyRequests:
    return TooManyRequests(
        "Your last search is still under way; wait for it to end.", code="search_busy"
    )

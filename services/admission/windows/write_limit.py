"""How many sessions a user may make, change and delete in a span of time."""

from collections.abc import Sequence

from services.domain.errors.requests import TooManyRequests
from services.domain.limits import Limit, Windows


class WriteLimit:
    """A user's limit of writes that are no messages."""

    def __init__(self, windows: Windows, limits: Sequence[Limit]) -> None:
        """Count in `windows`; without limits all may write."""
        self._windows = windows
        self._limits = limits

    def take(self, user_id: str) -> None:
        """Count one write, or raise TooManyRequests if a limit is used up."""
        if not self._limits:
            return
        count = self._windows.take(f"writes:{user_id}", self._limits)
        if not count.fits:
            raise TooManyRequests.of(count.tightest)

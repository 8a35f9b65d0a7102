"""How many runs a user may begin in a span of time."""

from collections import Counter
from collections.abc import Sequence

from services.domain.errors.requests import TooManyRequests
from services.domain.limits import Limit, Standing, Windows


class LimitHold:
    """Room under a user's limit, held while a run is begun.

    `standing` is where the user stands; None: nothing is limited.
    """

    def __init__(self, limit: "TurnLimit", user_id: str, standing: Standing | None) -> None:
        """Hold what `TurnLimit.hold` found."""
        self.standing = standing
        self._limit: TurnLimit | None = limit
        self._user_id = user_id

    def take(self) -> Standing | None:
        """Count the run, which has begun; give where the user stands now."""
        if self._limit is not None:
            self.standing = self._limit.count(self._user_id)
        self.give_back()
        return self.standing

    def give_back(self) -> None:
        """Release the room, unless it was taken; a second call does nothing."""
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.release(self._user_id)


class TurnLimit:
    """A user's limit of runs: room is held before a run begins, and taken once it has begun.

    A begin that is refused, and the replay of an earlier one, cost nothing. The store is asked
    between the two steps, and the hold keeps other requests of this process from getting the same
    room.
    """

    def __init__(self, windows: Windows, limits: Sequence[Limit]) -> None:
        """Ask `windows` once for each step, however many limits there are; none: all may begin."""
        self._windows = windows
        self._limits = limits
        self._held: Counter[str] = Counter()

    def hold(self, user_id: str) -> LimitHold:
        """Hold room for one run, or raise TooManyRequests if a limit is used up."""
        if not self._limits:
            return LimitHold(self, user_id, None)
        standing = self._windows.look(_subject(user_id), self._limits).tightest
        if standing.remaining <= self._held[user_id]:
            raise TooManyRequests.of(standing)
        self._held[user_id] += 1
        return LimitHold(self, user_id, standing)

    def count(self, user_id: str) -> Standing | None:
        """Count a run that has begun, even if other runs took the last room meanwhile."""
        if not self._limits:
            return None
        return self._windows.add(_subject(user_id), self._limits).tightest

    def release(self, user_id: str) -> None:
        """Release the room of one hold."""
        self._held[user_id] -= 1
        if self._held[user_id] <= 0:
            del self._held[user_id]


def _subject(user_id: str) -> str:
    return f"ai:{user_id}"

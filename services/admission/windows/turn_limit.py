"""How many runs a user may begin in a span of time."""

from collections.abc import Sequence

from services.domain.errors.requests import TooManyRequests
from services.domain.limits import Count, Entry, Limit, Standing, Windows


class LimitHold:
    """One run, counted against its user's limits before it is begun.

    `standing` is where the user stands; None: nothing is limited.
    """

    def __init__(
        self, windows: Windows, subject: str, limits: Sequence[Limit], count: Count | None
    ) -> None:
        """Hold what `TurnLimit.hold` has counted; None: nothing is limited."""
        self.standing: Standing | None = count.tightest if count else None
        self._windows = windows
        self._subject = subject
        self._limits = limits
        self._entry: Entry | None = count.entry if count else None

    def take(self) -> None:
        """Leave the run counted: it has begun."""
        self._entry = None

    def give_back(self) -> None:
        """Count the run no more, unless it was taken; a second call does nothing."""
        entry, self._entry = self._entry, None
        if entry is not None:
            self.standing = self._windows.give_back(self._subject, self._limits, entry).tightest


class TurnLimit:
    """A user's limit of runs: each is counted before it begins, and given back where it does not.

    So a begin that is refused, and the replay of an earlier one, cost nothing, and workers that
    begin runs at the same moment never let more begin than the limit says. A process that dies
    between the two leaves one run counted, until the window has moved past it.
    """

    def __init__(self, windows: Windows, limits: Sequence[Limit]) -> None:
        """Ask `windows` once for each step, however many limits there are; none: all may begin."""
        self._windows = windows
        self._limits = limits

    def hold(self, user_id: str) -> LimitHold:
        """Count one run, or raise TooManyRequests if a limit is used up."""
        subject, count = f"ai:{user_id}", None
        if self._limits:
            count = self._windows.take(subject, self._limits)
            if not count.fits:
                raise TooManyRequests.of(count.tightest)
        return LimitHold(self._windows, subject, self._limits, count)

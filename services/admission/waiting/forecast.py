"""What the queue before a provider may promise, and what it tells those it turns away."""

import math

from services.admission.quotas.base import Quota, QuotaLeft

FRESH = 0.1
"""How much of what a call is expected to take is the latest one's, the rest those before."""


class Forecast:
    """Expects from the quota of a provider and from its latest calls how it goes on.

    It knows this worker only: where others use the same quota it takes longer.
    """

    def __init__(self, quota: Quota, window_seconds: float) -> None:
        """Expect of a quota whose window is so long."""
        self._quota = quota
        self._window = window_seconds
        self._tokens = 0.0
        self._told_at = -math.inf

    def note(self, tokens: int) -> None:
        """Learn what a call takes."""
        share = FRESH if self._tokens else 1
        self._tokens += share * (tokens - self._tokens)

    def room(self, standing: QuotaLeft) -> float:
        """Tell how many calls have room now."""
        by_requests = math.inf if standing.requests is None else standing.requests
        if standing.tokens is None:
            return by_requests
        return min(by_requests, standing.tokens // max(1, self._tokens))

    def turn_away(self, now: float, first_at: float | None, load: int) -> float:
        """Tell somebody after how many seconds there is a place in a full queue.

        The first of its `load` goes at `first_at`; None: a whole window from now, as nobody waits
        yet and what was promised fills it. Each who is turned away is told a later time than the
        one before, as a place gets free for each: told the same, all came back at once. It is never
        longer than all who wait now take.
        """
        first = now + self._window if first_at is None else max(now, first_at)
        own = max(first, self._told_at + self._seconds_each())
        self._told_at = min(own, first + load * self._seconds_each())
        return self._told_at - now

    def _seconds_each(self) -> float:
        requests, tokens = self._quota.requests, self._quota.tokens
        by_requests = self._window / requests if requests else 0.0
        by_tokens = self._window * min(1.0, self._tokens / tokens) if tokens else 0.0
        return max(by_requests, by_tokens)

"""What the queue before a provider may promise, and what it tells the calls it turns away."""

import math

from services.admission.quotas.base import Quota, QuotaLeft

FRESH = 0.1
"""The latest call's share in the tokens that a call is expected to take; the rest is older."""


class Forecast:
    """Estimates when a provider has room, from its quota and its latest calls.

    It knows the calls of this worker only: where other workers use the same quota, the wait is
    longer.
    """

    def __init__(self, quota: Quota, window_seconds: float) -> None:
        """Estimate for this quota and the length of its window."""
        self._quota = quota
        self._window = window_seconds
        self._tokens = 0.0
        self._told_at = -math.inf

    def note(self, tokens: int) -> None:
        """Learn how many tokens a call takes."""
        share = FRESH if self._tokens else 1
        self._tokens += share * (tokens - self._tokens)

    def room(self, standing: QuotaLeft) -> float:
        """Tell for how many calls there is room now."""
        by_requests = math.inf if standing.requests is None else standing.requests
        if standing.tokens is None:
            return by_requests
        return min(by_requests, standing.tokens // max(1, self._tokens))

    def turn_away(self, now: float, first_at: float | None, load: int) -> float:
        """Tell a call that is turned away in how many seconds there is a place in the full queue.

        The first of the queue's `load` calls goes at `first_at`; None: a whole window from now, as
        no call waits yet and promised calls fill the queue. Each call is told a later time than the
        one before it, because each needs a place: told the same time, all would come back at once.
        The time is never longer than all calls that fill the queue now take.
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

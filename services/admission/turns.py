"""What a turn holds before it is begun: its count under a limit, and a place in the queue."""

from types import TracebackType
from typing import Self

from services.admission.waiting.burst_queue import BurstQueue, Place
from services.admission.windows.turn_limit import LimitHold, TurnLimit
from services.domain.errors.base import CharlaError
from services.domain.limits import Standing


class TurnHold:
    """Everything that one turn holds; leaving the block gives back what was not taken."""

    def __init__(self, limit: LimitHold, place: Place) -> None:
        """Hold the run's count under its user's limit, and a place in the queue."""
        self._limit = limit
        self._place: Place | None = place

    @property
    def standing(self) -> Standing | None:
        """Give the user's standing with the limit; None where there is no limit."""
        return self._limit.standing

    def take(self) -> Place:
        """Leave the run counted, which has begun, and give its place; may be called once."""
        self._limit.take()
        place, self._place = self._place, None
        if place is None:
            raise ValueError("This hold was taken before, or given back.")
        return place

    def give_back(self) -> None:
        """Give back what was not taken; a second call does nothing."""
        self._limit.give_back()
        place, self._place = self._place, None
        if place is not None:
            place.give_back()

    def __enter__(self) -> Self:
        """Hold everything for a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give back what was not taken."""
        self.give_back()


class TurnAdmission:
    """Lets turns in, wherever they come from: a request, a socket or a job."""

    def __init__(self, limit: TurnLimit, queue: BurstQueue) -> None:
        """Take the limit and the queue in which turns hold room and a place."""
        self._limit = limit
        self._queue = queue

    def hold(self, user_id: str, provider: str) -> TurnHold:
        """Hold what a turn needs, or raise TooManyRequests with nothing held.

        `provider` is the one that is likely to be asked first.
        """
        limit = self._limit.hold(user_id)
        try:
            return TurnHold(limit, self._queue.hold(provider, user_id))
        except CharlaError as refusal:
            limit.give_back()
            raise refusal.with_standing(limit.standing) from refusal
        except BaseException:
            limit.give_back()
            raise

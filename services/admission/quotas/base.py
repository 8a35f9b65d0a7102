"""How much a provider accepts in a span of time: reserved before a call, corrected after it.

A reservation takes its request and its estimated tokens out of the window. They leave the window a
whole span after `arrived` was told, not after the reservation was made: the upstream counts when a
call reaches it, and in none of its spans are there ever more than the quota allows. A reservation
that is never told to have arrived is taken to have arrived once its call can no longer be on its
way: its worker is dead.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

MIN_WAIT_SECONDS = 0.005
"""A request that asks again sooner than this would ask often in vain."""

WAITING_SECONDS = 2.0
"""How soon a refused request must ask again; after that, background requests may go first."""

ABANDONED_SECONDS = 900.0
"""No call is on its way for longer: a run ends after 600 s."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much fits into one span; None: no limit."""

    requests: int | None = None
    tokens: int | None = None

    def fitting(self, tokens: int) -> int:
        """Give `tokens`, or the whole quota if that is less: more could never be reserved."""
        return max(0, tokens if self.tokens is None else min(tokens, self.tokens))


NO_QUOTA = Quota()


@dataclass(frozen=True, slots=True)
class Reservation:
    """A place in the window of a provider; `id` is unique over all workers."""

    provider: str
    id: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Wait:
    """There is no room: try again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class QuotaLeft:
    """What is left of a quota now; None: no limit. All of it is free in `reset_seconds`."""

    requests: int | None
    tokens: int | None
    reset_seconds: float


class Quotas(ABC):
    """The windows of all providers; a provider that `limits` does not name has no limit.

    No method fails or waits for long: while the windows that all workers share cannot be reached,
    each worker counts by itself, with its share of every quota. A reservation of more tokens than
    the quota has is treated as one of the whole quota, so that it fits at all.
    """

    limits: Mapping[str, Quota]

    @abstractmethod
    def reserve(
        self, provider: str, tokens: int, *, background: bool = False, more_wait: bool = False
    ) -> Reservation | Wait:
        """Take one request and so many tokens, or say when to ask again.

        The wait lasts until enough has left the window, provided that nothing is corrected or
        cancelled; a request that is still on its way is assumed to arrive now. If thousands must
        leave, the wait lasts until the first thousand have left.

        A background request gets nothing while an interactive request of any worker waits: for two
        seconds from its refusal, or until its worker is given an interactive reservation. So a
        worker asks for the request that is to go first, and asks again within two seconds.
        `more_wait`: other interactive requests of this worker wait too, or may. Then its
        reservation does not end the waiting: if the worker was waited for, it is for another two
        seconds from now.
        """

    @abstractmethod
    def arrived(self, reservation: Reservation) -> None:
        """Tell that the upstream has the call (it answered, or failed); the first time counts."""

    @abstractmethod
    def correct(self, reservation: Reservation, tokens: int) -> None:
        """Replace the estimated tokens by those that the call used.

        They may be more than the quota; after its span a reservation is no longer corrected.
        """

    @abstractmethod
    def cancel(self, reservation: Reservation) -> None:
        """Give back a reservation whose call was never made; one that has arrived stays."""

    @abstractmethod
    def left(self, provider: str) -> QuotaLeft:
        """Give what is left, and take nothing."""

    @abstractmethod
    def close(self) -> None:
        """Close connections."""

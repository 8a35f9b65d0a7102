"""What a provider takes in a span of time: requests and tokens, reserved before, corrected after.

A reservation takes its request and its estimated tokens out of the window. They leave the window a
whole span after `arrived` was told, not after it was made: the upstream counts when a call reaches
it, and in none of its spans are there ever more than the quota allows. One that is never told to
have arrived is taken to have, once its call can be on its way no longer: its worker is dead.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

MIN_WAIT_SECONDS = 0.005
"""Who asked again sooner would ask often for nothing."""

WAITING_SECONDS = 2.0
"""How soon a refused request must ask again, or background requests may go first."""

ABANDONED_SECONDS = 900.0
"""No call is on its way for longer: a run ends after 600 s."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much fits into one span; None: no limit."""

    requests: int | None = None
    tokens: int | None = None

    def fitting(self, tokens: int) -> int:
        """Give so many tokens, or all there are: more could never be reserved."""
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
    """What is left of a quota now; None: no limit. `reset_seconds` until all of it is free."""

    requests: int | None
    tokens: int | None
    reset_seconds: float


class Quotas(ABC):
    """The windows of all providers; one that `limits` does not name has no limit.

    No method fails or waits for long: what all workers share is counted by each worker alone, with
    its share, while the others are out of reach. A reservation of more tokens than the quota has
    is taken as one of all of them, so that it fits at all.
    """

    limits: Mapping[str, Quota]

    @abstractmethod
    def reserve(
        self, provider: str, tokens: int, *, background: bool = False, more_wait: bool = False
    ) -> Reservation | Wait:
        """Take one request and so many tokens, or say when to ask again.

        The wait is until what must leave the window does, if nothing is corrected or cancelled; a
        request that is still on its way is taken to arrive now. Where thousands must leave it is
        until the first thousand has.

        A background request gets nothing while an interactive one of any worker waits: for two
        seconds from its refusal, or until that worker is given an interactive reservation. So a
        worker asks for the one that goes first, and again within two seconds. `more_wait`: other
        interactive ones of this worker wait too, or may. Then its reservation ends nothing: if
        the worker was waited for, it is for two seconds from now.
        """

    @abstractmethod
    def arrived(self, reservation: Reservation) -> None:
        """Tell that the upstream has the call (it answered, or failed); counts once."""

    @abstractmethod
    def correct(self, reservation: Reservation, tokens: int) -> None:
        """Put the tokens that the call used in the place of the estimated ones.

        They may be more than the quota has; after its span a reservation is not corrected any more.
        """

    @abstractmethod
    def cancel(self, reservation: Reservation) -> None:
        """Give a reservation back whose call was never made; one that arrived stays."""

    @abstractmethod
    def left(self, provider: str) -> QuotaLeft:
        """Look; takes nothing."""

    @abstractmethod
    def close(self) -> None:
        """Give back connections."""

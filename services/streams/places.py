"""How many readers there may be: in all, of a run, of a user, and of a network."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple, Self

from services.domain.callers.networks import circles_of
from services.domain.callers.shares import WHOLE, may_take
from services.domain.errors.outages import TooManyStreams
from services.domain.errors.requests import TooManyRequests

USER_SHARE = 0.2
"""The part of all streams that a user may have where nobody else has any. It only counts where it
is less than `per_user`: with the defaults while fewer than 256 streams are free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderCaps:
    """How many readers there may be at once; `per_user` None: no limit.

    A network that is alone may have the part `network_share` of all streams; the more others have,
    the less. At 1 streams are not shared, neither by network nor by user.
    """

    streams: int
    per_run: int
    per_user: int | None
    network_share: float = WHOLE


class Place(NamedTuple):
    """Whose a reader's place is."""

    run_id: str
    user_id: str
    networks: tuple[str, ...]

    @classmethod
    def of(cls, run_id: str, user_id: str, address: str) -> Self:
        """Take the networks of an address; an empty one has none."""
        return cls(run_id, user_id, circles_of(address) if address else ())


class Places:
    """The places of readers: who has how many, and whether there is another."""

    def __init__(self, caps: ReaderCaps) -> None:
        """Begin with nobody."""
        self._caps = caps
        self._taken = 0
        self._by_run: Counter[str] = Counter()
        self._by_user: Counter[str] = Counter()
        self._by_network: Counter[str] = Counter()

    def check_room(self, user_id: str, address: str) -> None:
        """Raise TooManyStreams or TooManyRequests where one more reader would be refused."""
        caps, free = self._caps, self._caps.streams - self._taken
        if free <= 0:
            raise TooManyStreams
        of_user = self._by_user[user_id]
        if caps.per_user is not None and of_user >= caps.per_user:
            raise _too_many(f"At most {caps.per_user} open streams an account; close one.")
        if caps.network_share >= WHOLE:
            return
        if not may_take(of_user, free, USER_SHARE):
            raise _too_many(
                f"Your account has {of_user} open streams, as many as it may have while only "
                f"{free} are free; close one."
            )
        for network in circles_of(address) if address else ():
            if not may_take(self._by_network[network], free, caps.network_share):
                raise TooManyStreams(
                    f"{network} has {self._by_network[network]} open streams, as many as a "
                    f"network may have while only {free} are free."
                )

    def check_run(self, run_id: str) -> None:
        """Raise TooManyRequests where the run has no room for another reader."""
        if self._by_run[run_id] >= self._caps.per_run:
            raise _too_many(f"At most {self._caps.per_run} readers a run; close one.")

    def take(self, place: Place) -> None:
        """Note a reader that came."""
        self._taken += 1
        for counter, key in self._counted(place):
            counter[key] += 1

    def give_back(self, place: Place) -> None:
        """Note that it left."""
        self._taken -= 1
        for counter, key in self._counted(place):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]

    def _counted(self, place: Place) -> list[tuple[Counter[str], str]]:
        of_networks = [(self._by_network, network) for network in place.networks]
        return [(self._by_run, place.run_id), (self._by_user, place.user_id), *of_networks]


def _too_many(text: str) -> TooManyRequests:
    return TooManyRequests(text, code="too_many_readers")

"""The order in which waiting calls are served; it needs no clock and never blocks."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from itertools import takewhile
from typing import Generic, Protocol, TypeVar

from services.domain.limits import Priority


class Waiting(Protocol):
    """A call that waits; `arrival` numbers the calls as they arrive, counting up."""

    @property
    def user_id(self) -> str:
        """The user whose turn this call takes."""

    @property
    def priority(self) -> Priority:
        """The line in which this call stands."""

    @property
    def arrival(self) -> int:
        """The number of its arrival."""


T = TypeVar("T", bound=Waiting)


class FairOrder(Generic[T]):
    """Interactive before background; in each, users take turns, and a user's own calls by arrival.

    A user who joins waits for the end of the round. The first call stays first until it is served
    or leaves, unless a call of a better priority arrives: no call is put off again and again.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._lines: dict[Priority, OrderedDict[str, OrderedDict[T, None]]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._counts = dict.fromkeys(Priority, 0)

    def __len__(self) -> int:
        """Count the waiting calls."""
        return sum(self._counts.values())

    def __contains__(self, waiting: T) -> bool:
        """Tell whether a call is among the waiting ones."""
        return waiting in self._lines[waiting.priority].get(waiting.user_id, ())

    def __iter__(self) -> Iterator[T]:
        """Go through all calls in the order of service, in as many steps as there are calls."""
        for line in self._lines.values():
            turns = [iter(own) for own in line.values()]
            while turns:
                further = []
                for turn in turns:
                    if (waiting := next(turn, None)) is not None:
                        yield waiting
                        further.append(turn)
                turns = further

    @property
    def first(self) -> T | None:
        """Give the call that is next; None: no call waits."""
        for line in self._lines.values():
            for own in line.values():
                return next(iter(own))
        return None

    def count(self, priority: Priority) -> int:
        """Count the waiting calls of one priority."""
        return self._counts[priority]

    def by_user(self) -> Counter[str]:
        """Count the waiting calls of each user, in as many steps as there are users."""
        counts: Counter[str] = Counter()
        for line in self._lines.values():
            for user_id, own in line.items():
                counts[user_id] += len(own)
        return counts

    def newest_of(self, user_id: str) -> T | None:
        """Give the call of a user that would be served last; None: none waits."""
        for line in reversed(self._lines.values()):
            if user_id in line:
                return next(reversed(line[user_id]))
        return None

    def is_clear_for(self, priority: Priority) -> bool:
        """Tell whether no call waits before one of this priority that arrives now."""
        return not any(self._counts[one] for one in _up_to(priority))

    def add(self, waiting: T) -> None:
        """Add a call; it goes before the calls of the same user that arrived later."""
        own = self._lines[waiting.priority].setdefault(waiting.user_id, OrderedDict())
        later = [*takewhile(lambda one: one.arrival > waiting.arrival, reversed(own))]
        own[waiting] = None
        for one in reversed(later):
            own.move_to_end(one)
        self._counts[waiting.priority] += 1

    def serve(self, waiting: T) -> None:
        """Remove a call that had its turn; its user's next call waits for a round."""
        if self.discard(waiting):
            line = self._lines[waiting.priority]
            if waiting.user_id in line:
                line.move_to_end(waiting.user_id)

    def discard(self, waiting: T) -> bool:
        """Remove a call that leaves, so that its user's next one moves up; tell if it was there."""
        if waiting not in self:
            return False
        line = self._lines[waiting.priority]
        del line[waiting.user_id][waiting]
        if not line[waiting.user_id]:
            del line[waiting.user_id]
        self._counts[waiting.priority] -= 1
        return True

    def position(self, waiting: T) -> int:
        """Tell the position of a call (1: the next), quickly for its user's latest calls.

        For these it takes as many steps as there are users, or one where the user has just joined.
        """
        before = sum(self._counts[one] for one in _up_to(waiting.priority)[:-1])
        line = self._lines[waiting.priority]
        own = line[waiting.user_id]
        if len(own) == 1 and next(reversed(line)) == waiting.user_id:
            return before + len(line)
        rounds = len(own) - 1 - sum(1 for _ in takewhile(lambda o: o != waiting, reversed(own)))
        had_turn = True
        for user_id, theirs in line.items():
            if user_id == waiting.user_id:
                before, had_turn = before + rounds, False
            else:
                before += min(len(theirs), rounds + had_turn)
        return before + 1


def _up_to(priority: Priority) -> list[Priority]:
    """List the priorities that go before this one, then this one."""
    return [*takewhile(lambda one: one is not priority, Priority), priority]

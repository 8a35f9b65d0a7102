"""Who goes first: the order of those who wait, without a clock and without waiting."""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import takewhile
from typing import Generic, Protocol, TypeVar

from services.domain.limits import Priority


class Waiting(Protocol):
    """Somebody who waits; `arrival` counts up."""

    @property
    def user_id(self) -> str:
        """Whose turn it takes."""

    @property
    def priority(self) -> Priority:
        """Which line it stands in."""

    @property
    def arrival(self) -> int:
        """When it came."""


T = TypeVar("T", bound=Waiting)


class FairOrder(Generic[T]):
    """Interactive before background; in each users take turns, everybody's own by arrival.

    A user who comes waits for the end of the round. Whoever is first stays first until it is
    served or leaves, unless a better priority comes: nobody is put off again and again.
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        self._lines: dict[Priority, OrderedDict[str, OrderedDict[T, None]]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._counts = dict.fromkeys(Priority, 0)

    def __len__(self) -> int:
        """Count who waits."""
        return sum(self._counts.values())

    def __contains__(self, waiting: T) -> bool:
        """Tell whether somebody waits."""
        return waiting in self._lines[waiting.priority].get(waiting.user_id, ())

    def __iter__(self) -> Iterator[T]:
        """Go through all in the order in which they are served, in as many steps as they are."""
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
        """Give who is next; None: nobody waits."""
        for line in self._lines.values():
            for own in line.values():
                return next(iter(own))
        return None

    def count(self, priority: Priority) -> int:
        """Count who waits in one line."""
        return self._counts[priority]

    def is_clear_for(self, priority: Priority) -> bool:
        """Tell whether nobody waits before somebody who comes now."""
        return not any(self._counts[one] for one in _up_to(priority))

    def add(self, waiting: T) -> None:
        """Let somebody wait; one who came earlier than others of its user goes before them."""
        own = self._lines[waiting.priority].setdefault(waiting.user_id, OrderedDict())
        later = [*takewhile(lambda one: one.arrival > waiting.arrival, reversed(own))]
        own[waiting] = None
        for one in reversed(later):
            own.move_to_end(one)
        self._counts[waiting.priority] += 1

    def serve(self, waiting: T) -> None:
        """Let somebody go whose turn it was: the next of its user waits for a round."""
        if self.discard(waiting):
            line = self._lines[waiting.priority]
            if waiting.user_id in line:
                line.move_to_end(waiting.user_id)

    def discard(self, waiting: T) -> bool:
        """Let somebody leave, the next of its user moves up; tell whether it was there."""
        if waiting not in self:
            return False
        line = self._lines[waiting.priority]
        del line[waiting.user_id][waiting]
        if not line[waiting.user_id]:
            del line[waiting.user_id]
        self._counts[waiting.priority] -= 1
        return True

    def position(self, waiting: T) -> int:
        """Tell the place of one of the latest of its user (1: the next).

        It takes as many steps as there are users, and but one for a user who has just come.
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
    """List the priorities that go before one, and itself as the last."""
    return [*takewhile(lambda one: one is not priority, Priority), priority]

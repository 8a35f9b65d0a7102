"""The rounds of a loop that puts its worker on record, and how they end."""

from types import TracebackType

from gevent.lock import BoundedSemaphore


class Shift:
    """Entered for each round of a loop, so that the loop can be ended between two rounds.

    Killing a loop in the middle of a call does not take the call back: a store that is late with it
    would put a worker that has left on record again.
    """

    def __init__(self) -> None:
        """Begin with no round under way."""
        self._free = BoundedSemaphore()

    def __enter__(self) -> None:
        """Begin a round; after `end` this waits for ever."""
        self._free.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the round."""
        self._free.release()

    def end(self, patience: float) -> None:
        """Let no further round begin; wait up to `patience` seconds for a round under way."""
        self._free.acquire(timeout=max(0.0, patience))

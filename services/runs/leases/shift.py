"""The work of a loop that puts its worker on record, and the end of it."""

from types import TracebackType

from gevent.lock import BoundedSemaphore


class Shift:
    """Entered for each round of a loop.

    A loop that is killed in the middle of a call has not taken the call back: a store that gets to
    it late would put on record again a worker that has left.
    """

    def __init__(self) -> None:
        """Begin with nothing under way."""
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
        """End it."""
        self._free.release()

    def end(self, patience: float) -> None:
        """Let no further round begin; wait up to `patience` seconds for the one under way."""
        self._free.acquire(timeout=max(0.0, patience))

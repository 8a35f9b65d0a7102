"""The run log: what happened in a run, in order, readable from anywhere in it.

One writer a run, any number of readers, each with a cursor of its own. The log is a cache: the
store is the truth, and a log that is gone is answered from there.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

from services.domain.deliveries import Batch
from services.domain.events import EventId, RunEvent, Status
from services.domain.runs import Piece


class LogWriter(ABC):
    """The one who may append; held by the run's owner."""

    run_id: str
    epoch: int

    @abstractmethod
    def append(self, event: RunEvent) -> int:
        """Number an event, keep it, wake the readers; return its seq. Never waits for a reader.

        A terminal event closes the log: nothing can be appended after it.
        """

    @abstractmethod
    def announce(self, status: Status | None) -> None:
        """Set the current value that waiting readers are told; it is not history."""

    @abstractmethod
    def abandon(self) -> None:
        """Give the log up without an end, because the run has another owner now.

        Its readers end without a terminal event, which means to them: reconnect.
        """

    @property
    @abstractmethod
    def top(self) -> int:
        """Give the seq of the last event, 0 where there is none."""

    @abstractmethod
    def text(self) -> str:
        """Give the answer so far."""

    @abstractmethod
    def piece_after(self, seq: int) -> Piece | None:
        """Give the text after `seq` for a checkpoint, None where nothing was appended since."""


class LogReader(ABC):
    """A view of one run's log."""

    run_id: str

    @abstractmethod
    def after(self, seq: int) -> Batch | None:
        """Give the next events after `seq`, or None where there is none yet. Never waits.

        A batch is bounded, so that a long log is not unpacked and encoded in one go.
        """

    @abstractmethod
    def status(self) -> Status | None:
        """Give the current value, None where nothing is to be told."""

    @abstractmethod
    def text(self) -> str:
        """Give the answer so far."""

    @property
    @abstractmethod
    def top(self) -> int:
        """Give the seq of the last event."""

    @property
    @abstractmethod
    def has_ended(self) -> bool:
        """Tell whether the terminal event is in the log."""

    @property
    @abstractmethod
    def is_abandoned(self) -> bool:
        """Tell whether the writer gave the log up."""

    @abstractmethod
    def knows(self, cursor: EventId) -> bool:
        """Tell whether reading on after this id leaves no hole and repeats nothing.

        The cursor is of this run, not beyond the top, and not beyond the base of a later epoch.
        """

    @abstractmethod
    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` at every append and announcement; returns what ends the subscription.

        `wake` must not block. It may be called more often than there is news.
        """


class RunLog(ABC):
    """All logs of this process."""

    @abstractmethod
    def open(self, run_id: str, epoch: int) -> LogWriter:
        """Begin a run's log."""

    @abstractmethod
    def reader(self, run_id: str) -> LogReader | None:
        """Open a log for reading; None: there is none (any more)."""

"""The run log: what happened in a run, in order, readable from anywhere in it.

One writer a run, any number of readers, each with a cursor of its own. The log is a cache: the
store is the truth, and a log that is gone is answered from there.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.domain.deliveries import Batch
from services.domain.events import Attempt, EventId, RunEvent, Status, Terminal
from services.domain.runs import Piece, Run


class LogUnavailable(Exception):
    """What the processes share the log over does not answer."""


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

    @abstractmethod
    def flush(self) -> None:
        """Wait, as long as readers do, until all that was appended can be read by everybody."""

    @abstractmethod
    def keep_outcome(self, outcome: bytes) -> None:
        """Keep beside the log how the run ends, for who takes it over before the store has it.

        Best effort, and bounded in time.
        """

    @property
    @abstractmethod
    def top(self) -> int:
        """Give the seq of the last event, 0 where there is none."""

    @abstractmethod
    def reader(self) -> "LogReader":
        """Give the same log for reading, as far as readers may see it."""

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
    def is_whole(self) -> bool:
        """Tell whether it can be read from the run's first event on."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What a dead owner left in a log: the calls that it tells of, and how it said it ends.

    `writer` appends under the new owner's epoch, unless the `terminal` event was told, under
    `told_epoch`; None: only the `outcome` is left, which is what `keep_outcome` kept.
    """

    writer: LogWriter | None = None
    terminal: Terminal | None = None
    told_epoch: int | None = None
    calls: Sequence[Attempt] = ()
    outcome: bytes | None = None


class NudgeKind(StrEnum):
    """What a process may be hurried to do; the store is the truth in each case."""

    STOP = "stop"
    LOGIN_ENDED = "login_ended"
    LOST = "lost"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Nudge:
    """A word to whoever it concerns: the id is a run's, or a login's.

    `status` is what waiting readers of a run are told, None: nothing any more.
    """

    kind: NudgeKind
    id: str
    status: Status | None = None


class RunLog(ABC):
    """All logs that this process writes or reads.

    `is_degraded`: what the processes share is away. Own runs are then told from memory, and those
    of other processes cannot be read.
    """

    is_degraded: bool

    @abstractmethod
    def open(self, run_id: str, epoch: int) -> LogWriter:
        """Begin a run's log. Never waits."""

    @abstractmethod
    def reader(self, run_id: str) -> LogReader | None:
        """Open a log for reading; None: there is none (any more), or it cannot be reached."""

    @abstractmethod
    def refresh(self, run_id: str) -> None:
        """Read at once what can be read elsewhere of a run that is open for reading here.

        For a reader that comes from another process, and has seen more than this one.
        """

    @abstractmethod
    def follow_from(self, run: Run, piece: Piece) -> LogReader | None:
        """Read an active run whose log `reader` did not find, after what its checkpoints hold.

        Its events follow when its log can be reached again; None: that cannot be.
        """

    @abstractmethod
    def take_over(self, run_id: str, epoch: int) -> Remains | None:
        """Fence a dead owner's log: nothing under an earlier epoch is appended after this.

        None: there is no log (any more). Raises LogUnavailable where it cannot be reached.
        """

    @abstractmethod
    def conclude(self, run: Run) -> None:
        """Hear from the store that a run of another process has ended.

        A log that lacks only the terminal event gets it, under the id that it was stored with; one
        that lacks more, or whose run was deleted meanwhile (`terminal` None), is abandoned.
        """

    @abstractmethod
    def send(self, nudge: Nudge) -> None:
        """Tell all other processes, as best as can be. Never waits long, never raises."""

    @abstractmethod
    def start(self, hear: Callable[[Nudge], None]) -> None:
        """Begin to work in the background; `hear` gets the nudges and must not block."""

    @abstractmethod
    def sweep(self) -> None:
        """Drop from memory what is too old; to be called now and then."""

    @abstractmethod
    def flush(self, seconds: float) -> None:
        """Wait until all that was appended can be read by everybody, but not for longer."""

    @abstractmethod
    def close(self) -> None:
        """Flush, bounded in time, and give everything back."""

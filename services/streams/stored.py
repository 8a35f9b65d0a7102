"""An ended run whose log is gone: the store's text and its terminal event, read like a log."""

from collections.abc import Callable

from services.domain.deliveries import Batch
from services.domain.events import EventId, Status, Terminal
from services.streams.base import LogReader


class StoredRun(LogReader):
    """A log of one event, the terminal, at the place where the real log had it."""

    def __init__(self, batch: Batch, text: str) -> None:
        """Take the terminal event as a batch, and the text of the run."""
        self.run_id = batch.run_id
        self._batch = batch
        self._text = text

    @classmethod
    def of(cls, event_id: EventId, terminal: Terminal, text: str) -> "StoredRun":
        """Build it of what the store kept."""
        return cls(Batch(event_id.run_id, event_id.epoch, event_id.seq, [terminal]), text)

    def after(self, seq: int) -> Batch | None:
        """Give the terminal event to who has not seen it."""
        return self._batch if seq < self._batch.first_seq else None

    def status(self) -> Status | None:
        """Nothing is going on."""
        return None

    def text(self) -> str:
        """Give the answer."""
        return self._text

    @property
    def top(self) -> int:
        """Give the seq of the terminal event."""
        return self._batch.first_seq

    @property
    def is_whole(self) -> bool:
        """It has lost all but its end."""
        return False

    @property
    def has_ended(self) -> bool:
        """It has."""
        return True

    @property
    def is_abandoned(self) -> bool:
        """It is complete."""
        return False

    def knows(self, cursor: EventId) -> bool:
        """Know the terminal event only: the others are gone."""
        batch = self._batch
        return cursor == EventId(batch.run_id, batch.epoch, batch.first_seq)

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Nothing will come, so there is nothing to wake for."""
        del wake
        return lambda: None

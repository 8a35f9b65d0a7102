"""What a reader of a run gets: batches of numbered events, and what is sent between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.domain.events import Resume, RunEvent, Status


@dataclass(slots=True)
class Batch:
    """Consecutive events of a log, shared by all readers that are at the same place.

    `encoded` holds the batch in each wire format, by the format's name, so that it is encoded once
    in each.
    """

    run_id: str
    epoch: int
    first_seq: int
    events: Sequence[RunEvent]
    encoded: dict[str, bytes] = field(default_factory=dict)

    @property
    def last_seq(self) -> int:
        """Give the seq of the last event; `first_seq - 1` where there is none."""
        return self.first_seq + len(self.events) - 1


class Ping:
    """Sent when nothing has happened for a while, to keep the connection open."""


PING = Ping()
Delivery = Resume | Batch | Status | Ping


class Outlet(Protocol):
    """Where the batches of one reader can go without waking it."""

    def offer(self, batch: Batch) -> bool:
        """Send a batch, without waiting and without failing.

        False: something is left, for `flush`. Offered batches go out in their order all the same.
        """

    def flush(self) -> None:
        """Wait until what is left is sent; raises OSError where the reader takes it no more."""


class EventStream(Protocol):
    """One reader's view of a run: yields deliveries; the last batch ends with the terminal event.

    An end without a terminal event means: reconnect. The stream takes up a reader's place until it
    is closed.
    """

    run_id: str

    def __iter__(self) -> Iterator[Delivery]:
        """Iterate over itself."""

    def __next__(self) -> Delivery:
        """Wait for the next delivery."""

    @property
    def is_over(self) -> bool:
        """Tell whether nothing follows what was delivered last."""

    def pass_on(self, outlet: Outlet) -> None:
        """Offer batches to an outlet while the reader waits; the last one is always delivered."""

    def text(self) -> str:
        """Give the text of the answer so far; once the terminal event has come, all of it."""

    def close(self) -> None:
        """Give the place back; closing twice does nothing."""

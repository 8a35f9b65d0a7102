"""What a reader of a run gets: batches of numbered events, and what passes between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.domain.events import Resume, RunEvent, Status


@dataclass(slots=True)
class Batch:
    """Consecutive events of a log, shared by all readers that stand at the same place.

    `encoded` keeps what a wire format made of them, by its name, so that each is encoded once.
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
    """Nothing happened for a while, and the connection is meant to stay open."""


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
    """One reader's view of a run: yields deliveries, the last batch ends with the terminal event.

    An end without a terminal event means: reconnect. It holds a place until it is closed.
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
        """Give the answer so far, the whole of it once the terminal event came."""

    def close(self) -> None:
        """Give the place back; closing twice does nothing."""

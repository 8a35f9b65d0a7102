"""What the run log writes to Redis and reads there, as values.

Of entries there are many: as Structs they cost no more than plain tuples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from services.domain.events import RunEvent


class Unsent(msgspec.Struct, frozen=True, gc=False):
    """The next entry of a run's log; `before` is the newest that Redis has, empty: none."""

    run_id: str
    before: str
    id: str
    is_end: bool
    events: Sequence[RunEvent]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry as Redis has it; `events` None: it only hands the log to another owner."""

    id: bytes
    events: bytes | None


@dataclass(frozen=True, slots=True)
class LoadedLog:
    """A whole log, and the status that readers were told last."""

    entries: Sequence[Entry]
    status: bytes | None


@dataclass(frozen=True, slots=True)
class FencedLog:
    """A whole log to which earlier owners can write no more, and the outcome that was kept."""

    entries: Sequence[Entry]
    outcome: bytes | None

"""What was done to the servers, the database and Redis, and when."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """The kinds of faults."""

    KILL_WORKER = "kill worker"
    KILL_SERVER = "kill server"
    RESTART_SERVER = "restart server"
    PAUSE_WORKER = "pause worker"
    KILL_REDIS = "kill redis"
    PAUSE_REDIS = "pause redis"
    FLUSH_REDIS = "flush redis"
    STOP_POSTGRES = "stop postgres"
    GATEWAY_503 = "gateway 503"
    HANG_GATEWAY = "hang gateway"


DEADLY = frozenset(
    {
        FaultKind.KILL_WORKER,
        FaultKind.KILL_SERVER,
        FaultKind.RESTART_SERVER,  # it is killed where it cannot save everything in time
        FaultKind.PAUSE_WORKER,
    }
)
REDIS_AWAY = frozenset({FaultKind.KILL_REDIS, FaultKind.PAUSE_REDIS, FaultKind.FLUSH_REDIS})
FORGETTING = frozenset({FaultKind.FLUSH_REDIS})
STORE_AWAY = frozenset({FaultKind.STOP_POSTGRES, FaultKind.GATEWAY_503, FaultKind.HANG_GATEWAY})


@dataclass(slots=True)
class Fault:
    """A fault, and from when to when it lasted by the monotonic clock."""

    kind: FaultKind
    target: str
    began: float
    ended: float | None = None

    def touches(self, first: float, last: float) -> bool:
        """Tell whether the fault was at work at any time between these two."""
        return self.began <= last and (self.ended is None or self.ended >= first)


class FaultLog:
    """All faults of a torture; many threads write into it."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self.faults: list[Fault] = []
        self.counts: Counter[FaultKind] = Counter()

    @contextlib.contextmanager
    def note(self, kind: FaultKind, target: str = "") -> Iterator[None]:
        """Note a fault that lasts for the block."""
        fault = Fault(kind, target, time.monotonic())
        with self._lock:
            self.faults.append(fault)
            self.counts[kind] += 1
        try:
            yield
        finally:
            fault.ended = time.monotonic()

    @property
    def kills(self) -> int:
        """Count the kills of workers and of whole servers."""
        return self.counts[FaultKind.KILL_WORKER] + self.counts[FaultKind.KILL_SERVER]

    def of(self, kinds: frozenset[FaultKind], first: float, last: float) -> list[Fault]:
        """List the faults of these kinds that were at work between two times."""
        return [
            fault for fault in self.faults if fault.kind in kinds and fault.touches(first, last)
        ]

"""A log with readers, without a run."""

from dataclasses import dataclass, field

import gevent
from worlds.log_events import PATIENCE_SECONDS
from worlds.run_world import Story

from services.domain.deliveries import Delivery
from services.streams.base import LogWriter
from services.streams.follow import Followers, ReaderRequest, Subscription
from services.streams.memory import MemoryRunLog
from services.streams.places import ReaderCaps
from services.telemetry.metrics import Metrics

CAPS = ReaderCaps(streams=5, per_run=3, per_user=2)


@dataclass
class Followed:
    """One run's log and the readers of the process."""

    caps: ReaderCaps = CAPS
    ping_seconds: float = 10
    metrics: Metrics = field(default_factory=Metrics)
    log: MemoryRunLog = field(default_factory=lambda: MemoryRunLog(900, 1 << 20))

    def __post_init__(self) -> None:
        """Begin the log of a first run."""
        self.followers = Followers(self.caps, self.ping_seconds, self.metrics)
        self.writer = self.open("run")

    def open(self, run_id: str) -> LogWriter:
        """Begin the log of a run."""
        return self.log.open(run_id, 1)

    def follow(self, request: ReaderRequest | None = None, run_id: str = "run") -> Subscription:
        """Read a run."""
        reader = self.log.reader(run_id)
        assert reader is not None
        return self.followers.follow(reader, request or ReaderRequest(user_id="user"))


def take(events: Subscription) -> Delivery:
    """Wait for the next delivery."""
    with gevent.Timeout(PATIENCE_SECONDS):
        return next(events)


def is_quiet(events: Subscription) -> bool:
    """Tell whether nothing is delivered now."""
    waiting = gevent.spawn(next, events)
    gevent.sleep(0.01)
    is_waiting = not waiting.ready()
    waiting.kill()
    return is_waiting


def read(events: Subscription) -> Story:
    """Read up to the end of the run, which must have come; the reader's place is kept."""
    story = Story()
    with gevent.Timeout(PATIENCE_SECONDS):
        for delivery in events:
            story.take(delivery)
    return story

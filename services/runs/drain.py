"""The end of a worker: answers that end in time do, the rest are settled as interrupted."""

import gevent
import structlog
from gevent.event import Event

from services.runs.living.run import Ending
from services.runs.runner import Runner
from services.streams.base import RunLog
from services.streams.follow import Followers

MARGIN_SECONDS = 5
"""The part of the graceful time that is kept for settling, telling the readers and closing; of a
short graceful time it is half."""

_FLUSH_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Drain:
    """Ends a worker's runs after SIGTERM; gunicorn itself waits for connections, then kills."""

    def __init__(
        self, runner: Runner, log: RunLog, followers: Followers, graceful_seconds: float
    ) -> None:
        """Take gunicorn's graceful time, and keep the margin of it."""
        self._runner = runner
        self._log = log
        self._followers = followers
        self._margin = min(MARGIN_SECONDS, graceful_seconds / 2)
        self.patience = graceful_seconds - self._margin
        self._is_over = Event()
        self.is_draining = False

    def start(self) -> None:
        """Begin to drain in the background; a second call does nothing."""
        if not self.is_draining:
            self.is_draining = True
            gevent.spawn(self._run, self.patience)

    def wait(self) -> None:
        """Wait until a drain that was begun is over."""
        self._is_over.wait()

    def hurry(self) -> None:
        """End all living runs at once, as interrupted."""
        self.start()
        self._runner.end_all(Ending.INTERRUPTED)

    def finish(self) -> None:
        """Wait for the drain; where none was begun, settle everything now."""
        if not self.is_draining:
            self.hurry()
        self._is_over.wait(timeout=self.patience + self._margin)

    def _run(self, patience: float) -> None:
        _log.info("draining", runs=len(self._runner), seconds=patience)
        self._runner.wait_until_idle(patience)
        self._runner.end_all(Ending.INTERRUPTED)
        self._runner.wait_until_idle(self._margin)
        self._log.flush(_FLUSH_SECONDS)
        self._followers.finish()
        _log.info("drained", runs=len(self._runner))
        self._is_over.set()

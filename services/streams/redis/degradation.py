"""When the readers of this process are served from memory, without waiting for Redis."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import gevent
import structlog
from gevent.event import Event

from services.redis.worker_redis import WorkerRedis
from services.streams.base import LogUnavailable
from services.telemetry.metrics import Metrics

_STOOD_STILL_SECONDS = 2.0
"""No busy machine is so late, and no worker is taken for dead so soon."""

_SILENCE_SECONDS = 1.0
"""After so long without a flush Redis is looked at: readers and `/ready` must know of its loss."""

_log = structlog.get_logger(__name__)


class Degradation:
    """Begins when Redis is away, late, or has failed to do what the streams asked for.

    It ends when Redis has everything. It does not begin if the process itself stood still: then
    Redis is not to blame, and other workers may have taken over the process' runs. The next try
    tells.
    """

    def __init__(
        self,
        redis: WorkerRedis,
        patience: float,
        metrics: Metrics,
        turn: Callable[[bool], None],
        is_idle: Callable[[], bool],
    ) -> None:
        """Call `turn` with whether it has begun or ended; `is_idle`: nothing is to be sent.

        `patience` is how long readers wait for a flush, in seconds.
        """
        self.is_on = False
        self._redis = redis
        self._patience = patience
        self._metrics = metrics
        self._turn = turn
        self._is_idle = is_idle
        self._sent_at: float | None = None
        self._asked_at = 0.0
        self._alive_at = time.monotonic()
        self._was_seen = False
        self._stir = Event()
        self._stir_from_outside: Callable[[], object] = self._stir.set

    def run(self) -> None:
        """Notice for ever when Redis is away, late, or back."""
        loop = gevent.get_hub().loop
        self._stir_from_outside = lambda: loop.run_callback_threadsafe(self._stir.set)
        self._redis.join(self)
        while True:
            self._stir.wait(self._patience / 2)
            self._stir.clear()
            try:
                self._notice()
            except Exception:  # noqa: BLE001 - without it readers would wait for a Redis that is away
                _log.exception("log_watch_crashed")
            self._alive_at = time.monotonic()

    def close(self) -> None:
        """Hear nothing more from Redis."""
        self._redis.leave(self)

    def redis_lost(self, reason: str) -> None:
        """Have the loss noticed at once, in the thread of the readers."""
        del reason
        self._stir_from_outside()

    def redis_seen(self, seconds: float) -> None:
        """Have the return noticed at once, even if the look was slow: only late flushes count."""
        del seconds
        self._was_seen = True
        self._stir_from_outside()

    @contextmanager
    def sending(self) -> Generator[None, None, None]:
        """Note that something is sent, and whether that fails."""
        sent_at = self._sent_at = self._asked_at = time.monotonic()
        try:
            yield
        except LogUnavailable as exc:
            if time.monotonic() - sent_at < _STOOD_STILL_SECONDS:
                self.begin(str(exc))
            raise
        finally:
            self._sent_at = None
        if not self._redis.is_away:
            self._end()

    def begin(self, reason: str) -> None:
        """Serve the readers of this process from memory from now on."""
        if self.is_on or self._stood_still(time.monotonic()):
            return
        self.is_on = True
        self._was_seen = False
        self._metrics.log_degraded(degraded=True)
        _log.warning("log_degraded", reason=reason)
        self._turn(True)  # noqa: FBT003 - a state that is told, not an option

    def _end(self) -> None:
        if self.is_on:
            self.is_on = False
            self._metrics.log_degraded(degraded=False)
            _log.info("log_recovered")
            self._turn(False)  # noqa: FBT003 - a state that is told, not an option

    def _notice(self) -> None:
        now = time.monotonic()
        if self._sent_at is not None:
            if self._stood_still(now):
                self._sent_at = now  # the answer may have arrived already: it gets its time again
            elif now - self._sent_at > self._patience:
                self.begin("slow")
        if self._redis.is_away:
            self.begin(self._redis.reason)
        elif self.is_on and self._was_seen and self._sent_at is None and self._is_idle():
            self._end()  # else the next flush decides: it may fail although a look succeeds
        elif now - self._asked_at > (self._patience / 2 if self.is_on else _SILENCE_SECONDS):
            self._asked_at = now
            self._was_seen = False
            self._redis.look()

    def _stood_still(self, now: float) -> bool:
        return now - self._alive_at > _STOOD_STILL_SECONDS

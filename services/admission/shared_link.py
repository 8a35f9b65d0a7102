"""What workers count together in Redis, and each by itself while Redis is away."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

import structlog

from services.redis.causes import FAILURES, cause_of
from services.redis.worker_redis import Script, WorkerRedis, close_client, script_of

CONNECTIONS = 8
"""A question takes a fraction of a millisecond, so few connections serve many requests."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTimes:
    """Seconds that Redis may take to answer, and for which at least it is not asked after that."""

    answer: float = 0.25
    retry: float = 1


class SharedLink:
    """Asks the worker's Redis; one link serves all that is counted there.

    A single request waits to find out that Redis is late; after that none does, and Redis is looked
    at in the background. Until a look takes no longer than an answer may, each process decides by
    itself, with its share.
    """

    def __init__(
        self,
        redis: WorkerRedis,
        processes: int,
        on_change: Callable[[bool], None] = lambda _: None,
        times: SharedTimes | None = None,
    ) -> None:
        """Link `processes` workers over `redis`, which is first asked when something is counted.

        `on_change` is called at each change, with whether this process counts by itself.
        """
        self._times = times or SharedTimes()
        self._processes = processes
        self._on_change = on_change
        self._redis = redis
        self._client = redis.open(answer_seconds=self._times.answer, most=CONNECTIONS)
        self._when_back: list[Callable[[], None]] = []
        self._turns = BoundedSemaphore(CONNECTIONS)
        self._lock = Lock()
        self._is_apart = False
        self._apart_until = 0.0
        redis.join(self)

    @property
    def is_apart(self) -> bool:
        """Tell whether Redis is not asked now, and this process counts by itself."""
        return self._is_apart

    def share(self, amount: int) -> int:
        """Give how much of an amount one process may take while it decides by itself."""
        return max(1, amount // self._processes)

    def script(self, path: Path) -> Script:
        """Prepare a script for `ask`; it must give a value, whatever its arguments are."""
        return script_of(self._client, path)

    def when_back(self, tell: Callable[[], None]) -> None:
        """Have `tell` called whenever all workers count together again."""
        self._when_back.append(tell)

    def ask(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int]
    ) -> Sequence[Any] | None:
        """Run a script once; None: no answer came in time, but the script may have run."""
        if self._is_apart:
            return None
        with self._turns:
            return self._ask_now(script, keys, args)

    def redis_lost(self, reason: str) -> None:
        """Count by itself, before any request has to find out that Redis is away."""
        self._count_apart(reason)

    def redis_seen(self, seconds: float) -> None:
        """Count together again, unless the look was slow, or came too soon.

        Too soon: an error that only a script of the limits meets would otherwise fill the log.
        """
        if not self._is_apart:
            return
        if seconds > self._times.answer or time.monotonic() < self._apart_until:
            self._redis.look()
        else:
            self._count_together()

    def close(self) -> None:
        """Close the connections, after a look at Redis that is under way; may be called again."""
        self._redis.leave(self)
        close_client(self._client)

    def _ask_now(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int]
    ) -> Sequence[Any] | None:
        if self._is_apart:  # Redis was lost while this request waited for its turn
            return None
        try:
            answer: Sequence[Any] = script(keys=keys, args=args)
        except FAILURES as exc:
            self._count_apart(str(cause_of(exc)))
            self._redis.look(exc)
            return None
        return answer

    def _count_apart(self, reason: str) -> None:
        with self._lock:
            if self._is_apart:
                return
            self._apart_until = time.monotonic() + self._times.retry
            self._is_apart = True
            self._on_change(True)  # noqa: FBT003 - a state that is told, not an option
        self._client.connection_pool.disconnect(inuse_connections=False)
        _log.warning("limits_counted_apart", reason=reason)

    def _count_together(self) -> None:
        with self._lock:
            self._is_apart = False
            self._on_change(False)  # noqa: FBT003 - a state that is told, not an option
        _log.info("limits_counted_together")
        for tell in self._when_back:
            tell()

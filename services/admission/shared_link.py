"""The connections to Redis over which workers count together, and what becomes of it while away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Event, Lock, Thread
from typing import Any

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.exceptions import RedisError
from redis.retry import Retry

CONNECTIONS = 8
"""A question takes a fraction of a millisecond, so few connections serve many requests."""

CLOSE_SECONDS = 2.0
"""Longer than a try of Redis takes, unless a name server hangs."""

PROBE_KEY = "charla:limit:probe"
PROBE = "return redis.call('SET', KEYS[1], 1, 'PX', 1000)"
"""A Redis that answers, but takes no writes or runs no scripts, is still away."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTimes:
    """How long Redis may take to answer, and how often it is tried while it is away (seconds)."""

    answer: float = 0.25
    retry: float = 1


class SharedLink:
    """Asks one Redis; a worker has one link for all that it counts there.

    One request waits for Redis to be found away, then none: it is tried in the background. Until it
    is back each process decides by itself, with its share.
    """

    def __init__(
        self,
        url: str,
        processes: int,
        on_change: Callable[[bool], None] = lambda _: None,
        times: SharedTimes | None = None,
    ) -> None:
        """Link `processes` workers at `url`, which is asked first when something is counted.

        `on_change` is called with whether Redis is away, at each change.
        """
        self._times = times or SharedTimes()
        self._processes = processes
        self._on_change = on_change
        self._redis = Redis.from_url(
            url,
            max_connections=CONNECTIONS,
            socket_timeout=self._times.answer,
            socket_connect_timeout=self._times.answer,
            retry=Retry(NoBackoff(), 0),
        )
        self._when_back: list[Callable[[], None]] = []
        self._turns = BoundedSemaphore(CONNECTIONS - 1)  # one is left for the probe
        self._lock = Lock()
        self._is_away = False
        self._is_closed = Event()
        self._probing: Thread | None = None

    @property
    def is_away(self) -> bool:
        """Tell whether nothing is asked now."""
        return self._is_away

    def share(self, amount: int) -> int:
        """Give how much of an amount one process may take while it decides by itself."""
        return max(1, amount // self._processes)

    def script(self, path: Path) -> Script:
        """Prepare a script for `ask`; whatever its arguments are it gives something."""
        return self._redis.register_script(path.read_text())

    def when_back(self, tell: Callable[[], None]) -> None:
        """Have something told to Redis each time that it is back."""
        self._when_back.append(tell)

    def ask(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int]
    ) -> Sequence[Any] | None:
        """Run a script once; None: Redis is away, and may have run it all the same."""
        if self._is_away:
            return None
        with self._turns:
            return self._ask_now(script, keys, args)

    def close(self) -> None:
        """Close the connections, after a try of Redis that is under way; may be called again."""
        self._is_closed.set()
        with self._lock:
            probing = self._probing
        if probing is not None:
            probing.join(CLOSE_SECONDS)
        self._redis.close()

    def _ask_now(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int]
    ) -> Sequence[Any] | None:
        if self._is_away:  # it was found away while this one waited for its turn
            return None
        try:
            answer: Sequence[Any] = script(keys=keys, args=args)
        except (RedisError, OSError) as exc:
            self._lose(exc)
            return None
        return answer

    def _lose(self, error: Exception) -> None:
        with self._lock:
            if self._is_away:
                return
            self._is_away = True
            self._on_change(True)  # noqa: FBT003 - a state that is told, not an option
            self._probing = Thread(target=self._probe, daemon=True)
            self._probing.start()
        self._redis.connection_pool.disconnect(inuse_connections=False)
        _log.warning("limits_counted_apart", error=type(error).__name__, detail=str(error))

    def _probe(self) -> None:
        while not self._is_closed.wait(self._times.retry):
            if self._answers():
                self._find_again()
                return

    def _answers(self) -> bool:
        try:
            self._redis.eval(PROBE, 1, PROBE_KEY)
        except Exception:  # noqa: BLE001 - whatever it is, Redis is not back
            return False
        return True

    def _find_again(self) -> None:
        with self._lock:
            self._is_away = False
            self._on_change(False)  # noqa: FBT003 - a state that is told, not an option
        _log.info("limits_counted_together")
        for tell in self._when_back:
            tell()

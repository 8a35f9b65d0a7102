"""Limits that are counted in Redis, over all workers and machines."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import BoundedSemaphore, Lock, Thread

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from services.admission.local_windows import LocalWindows
from services.domain.limits import Count, Limit, Standing, Windows

SCRIPT = Path(__file__).with_name("windows.lua")
PREFIX = "charla:limit"
PROBE = Limit("probe", 1, 1)

CONNECTIONS = 8
"""A question takes a fraction of a millisecond, so few connections serve many requests."""

CLOSE_SECONDS = 2.0
"""Longer than a try of Redis takes, unless a name server hangs."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTimes:
    """How long Redis may take to answer, and how often it is tried while it is away (seconds)."""

    answer: float = 0.25
    retry: float = 1


class SharedWindows(Windows):
    """Counts in Redis; while it is away each process counts its share of every limit by itself.

    One request waits for Redis to be found away, then none: it is tried in the background. What was
    counted in memory meanwhile stays there, and what Redis kept holds again.
    """

    def __init__(
        self,
        url: str,
        processes: int,
        on_change: Callable[[bool], None] = lambda _: None,
        times: SharedTimes | None = None,
    ) -> None:
        """Count at `url`, which is asked first when something is counted.

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
        self._script = self._redis.register_script(SCRIPT.read_text())
        self._local = LocalWindows()
        self._turns = BoundedSemaphore(CONNECTIONS - 1)  # one is left for the probe
        self._lock = Lock()
        self._is_away = False
        self._probing: Thread | None = None
        self._probe_at = 0.0

    def look(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Ask Redis once."""
        return self._count("look", subject, limits)

    def take(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Ask Redis once."""
        return self._count("take", subject, limits)

    def add(self, subject: str, limits: Sequence[Limit]) -> Count:
        """Ask Redis once."""
        return self._count("add", subject, limits)

    def close(self) -> None:
        """Close the connections, after a try of Redis that is under way."""
        with self._lock:
            self._probe_at, probing = math.inf, self._probing
        if probing is not None:
            probing.join(CLOSE_SECONDS)
        self._redis.close()

    def _count(self, verb: str, subject: str, limits: Sequence[Limit]) -> Count:
        if not self._is_away:
            with self._turns:
                if not self._is_away:  # it may have been found away during the wait
                    try:
                        return self._ask(verb, subject, limits)
                    except (RedisError, OSError) as exc:
                        self._lose(exc)
        self._probe_if_due()
        return self._count_share(verb, subject, limits)

    def _ask(self, verb: str, subject: str, limits: Sequence[Limit]) -> Count:
        keys = [f"{PREFIX}:{subject}:{limit.amount}/{limit.seconds}" for limit in limits]
        numbers = [number for one in limits for number in (one.amount, one.seconds * 1000)]
        fits, *rest = self._script(keys=keys, args=[verb, *numbers])
        standings = [
            Standing(limit, max(0, left), milliseconds / 1000)
            for limit, left, milliseconds in zip(limits, rest[::2], rest[1::2], strict=True)
        ]
        return Count(bool(fits), standings)

    def _count_share(self, verb: str, subject: str, limits: Sequence[Limit]) -> Count:
        shares = [replace(one, amount=max(1, one.amount // self._processes)) for one in limits]
        local = {"look": self._local.look, "take": self._local.take, "add": self._local.add}
        counted = local[verb](subject, shares)
        pairs = zip(limits, counted.standings, strict=True)
        return Count(counted.fits, [replace(standing, limit=whole) for whole, standing in pairs])

    def _lose(self, error: Exception) -> None:
        with self._lock:
            if self._is_away:
                return
            self._is_away = True
            self._probe_at = time.monotonic() + self._times.retry
        self._redis.connection_pool.disconnect(inuse_connections=False)
        _log.warning("limits_counted_apart", error=type(error).__name__, detail=str(error))
        self._on_change(True)  # noqa: FBT003 - a state that is told, not an option

    def _probe_if_due(self) -> None:
        with self._lock:
            if self._probing or not self._is_away or time.monotonic() < self._probe_at:
                return
            self._probing = Thread(target=self._probe, daemon=True)
            self._probing.start()

    def _probe(self) -> None:
        """Count something of nobody's: a Redis that answers but takes no writes is still away."""
        try:
            self._ask("take", "probe", [PROBE])
        except Exception:  # noqa: BLE001 - whatever it is, Redis is not back
            is_back = False
        else:
            is_back = True
        with self._lock:
            self._is_away = not is_back
            self._probing = None
            self._probe_at = max(self._probe_at, time.monotonic() + self._times.retry)
        if is_back:
            _log.info("limits_counted_together")
            self._on_change(False)  # noqa: FBT003 - a state that is told, not an option

"""Whether the store writes, asked by many and found out once."""

import time
from collections.abc import Callable

import gevent
import structlog

from services.domain.errors.outages import StoreUnavailable

KEPT_SECONDS = 1.0
"""How long an answer is good: a probe costs the store a write."""

PATIENCE_SECONDS = 2.0
"""A load balancer waits for longer, a disk that works never does."""

_log = structlog.get_logger(__name__)


class StoreProbe:
    """Has the store write, once a second at most, however many ask at once."""

    def __init__(
        self,
        ping: Callable[[], None],
        last_beat: Callable[[], str | None],
        patience_seconds: float = PATIENCE_SECONDS,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        """Take what writes, and what tells why the worker's last beat failed; None: it did not."""
        self._ping = ping
        self._last_beat = last_beat
        self._patience_seconds = patience_seconds
        self._kept_seconds = kept_seconds
        self._reason: str | None = None
        self._began_at = 0.0
        self._known_until = 0.0
        self._probing: gevent.Greenlet[[], None] | None = None

    def failure(self) -> str | None:
        """Tell why the store takes no work, in less than the patience; None: it takes work."""
        now = time.monotonic()
        if self._probing is None and now >= self._known_until:
            self._began_at = now
            self._probing = gevent.spawn(self._probe)
        if self._probing is not None:
            self._probing.join(max(0.0, self._began_at + self._patience_seconds - now))
        if self._probing is not None:
            seconds = time.monotonic() - self._began_at
            return f"The store has not answered for {seconds:.0f} s."
        return self._reason or self._last_beat()

    def _probe(self) -> None:
        try:
            self._ping()
            self._reason = None
        except StoreUnavailable as exc:
            self._reason = exc.reason
        except Exception as exc:  # noqa: BLE001 - whatever failed, no work should be sent here
            _log.exception("store_probe_crashed")
            self._reason = f"The store fails ({type(exc).__name__})."
        finally:
            self._known_until = time.monotonic() + self._kept_seconds
            self._probing = None

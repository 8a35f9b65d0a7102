"""Throws away what is too old: keys, tokens, one-time links, checkpoints and logs."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import gevent
import structlog

from services.domain.errors.outages import StoreUnavailable
from services.stores.base.store import Store
from services.streams.base import RunLog

TIDY_SECONDS = 30
"""How often the write-ahead log is checkpointed: it grows by about 1 MB per 1,000 turns."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """Purges every `seconds`; keys live for `key_seconds`, refresh tokens until they expire."""

    store: Store
    log: RunLog
    seconds: float
    key_seconds: float

    def run(self) -> None:
        """Purge and tidy for ever."""
        purged_at = time.monotonic() - self.seconds
        while True:
            try:
                self.tidy()
                if time.monotonic() - purged_at >= self.seconds:
                    purged_at = time.monotonic()
                    self.purge(datetime.now(UTC))
            except Exception:  # noqa: BLE001 - without it the memory of ended runs would only grow
                _log.exception("housekeeping_crashed")
            gevent.sleep(min(TIDY_SECONDS, self.seconds))

    def tidy(self) -> None:
        """Let the database and the log do the work that they need often."""
        self.log.sweep()
        try:
            self.store.tidy()
        except StoreUnavailable as exc:
            _log.warning("tidy_failed", reason=exc.reason)

    def purge(self, now: datetime) -> None:
        """Purge once; a store that is away is tried again the next time."""
        try:
            keys = self.store.runs.purge(now - timedelta(seconds=self.key_seconds))
            tokens = self.store.logins.purge(now)
            links = self.store.links.purge(now)
        except StoreUnavailable as exc:
            _log.warning("purge_failed", reason=exc.reason)
        else:
            _log.info("purged", keys_and_checkpoints=keys, refresh_rows=tokens, links=links)

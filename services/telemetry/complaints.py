"""What goes wrong again and again: told when it begins, when its reason changes, now and then.

A store that is away fails twice a second: a line for each failure would bury all others.
"""

import time
from collections.abc import Callable
from typing import Any

import structlog

REPEAT_SECONDS = 60.0


class Complaint:
    """One thing that may fail; `event` names its lines, and `<event>_over` tells its end."""

    def __init__(
        self,
        event: str,
        logger: str,
        seconds: float = REPEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Tell the same reason every `seconds` at most."""
        self._event = event
        self._log = structlog.get_logger(logger)
        self._seconds = seconds
        self._clock = clock
        self._told_at = 0.0
        self._untold = 0
        self.reason: str | None = None

    def raised(self, reason: str, **more: Any) -> None:
        """It failed."""
        now = self._clock()
        if reason == self.reason and now - self._told_at < self._seconds:
            self._untold += 1
            return
        if self._untold:
            more["untold"] = self._untold
        self._log.warning(self._event, reason=reason, **more)
        self.reason, self._told_at, self._untold = reason, now, 0

    def over(self) -> None:
        """It works, again or as before."""
        if self.reason is not None:
            self._log.info(f"{self._event}_over")
            self.reason, self._untold = None, 0

"""Waiting for what happens in the background."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.01


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Return once `holds` is true, or fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(POLL_SECONDS)

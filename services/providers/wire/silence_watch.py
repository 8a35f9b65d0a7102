"""The read timeout of all open streams, kept by one greenlet.

gevent's own timeout of a socket starts and stops a timer at every read, which costs 9 of the 38
microseconds that reading a piece takes. A timestamp for each stream, and a look at all of them once
a second, cost next to nothing.
"""

from time import monotonic
from typing import Protocol

import gevent

LONGEST_PAUSE_SECONDS = 1.0


class Watched(Protocol):
    """A stream that says when it last heard something, and for how long it may be silent."""

    heard_at: float
    silence_seconds: float

    def abort(self) -> None:
        """End the read that is waiting; this must not block."""


class SilenceWatch:
    """Aborts the streams that were silent for longer than they may be, up to a second late."""

    def __init__(self) -> None:
        """Watch no streams yet, without a greenlet."""
        self._streams: set[Watched] = set()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def add(self, stream: Watched) -> None:
        """Watch a stream, from its `heard_at` on."""
        self._streams.add(stream)
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def discard(self, stream: Watched) -> None:
        """Forget a stream, whether it is watched or not."""
        self._streams.discard(stream)

    def _run(self) -> None:
        while self._streams:
            now = monotonic()
            for stream in tuple(self._streams):
                if now - stream.heard_at > stream.silence_seconds:
                    self._streams.discard(stream)
                    stream.abort()
            shortest = min((s.silence_seconds for s in self._streams), default=0.0)
            gevent.sleep(min(LONGEST_PAUSE_SECONDS, shortest / 10))
        self._greenlet = None

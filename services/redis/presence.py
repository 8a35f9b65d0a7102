"""Whether Redis is away: found out by looks at it, which serve every part that works with it."""

import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Protocol

import structlog

from services.redis.causes import cause_of

RETRY_SECONDS = 0.2
"""How often Redis is looked at while it is away."""

CLOSE_SECONDS = 2.0
"""Longer than a look takes, unless a name server hangs."""

STOOD_STILL_SECONDS = 1.0
"""A look that exceeds its time-outs by more than this was not slow: the process was stopped."""

_log = structlog.get_logger(__name__)


class Party(Protocol):
    """A part of a worker that works with Redis.

    Its methods are called by the thread that looks, or by the greenlet, and must return soon.
    """

    def redis_lost(self, reason: str) -> None:
        """Hear that Redis is away."""

    def redis_seen(self, seconds: float) -> None:
        """Hear that a look has succeeded, and how many seconds it took."""


class Presence:
    """Tells whether Redis is away, which is what the last look at it found.

    A failure that a part of the worker meets decides nothing: it may be an error of its own script,
    or the end of a wait that is shorter than others. It is a reason to look at once, and the look
    decides for all parts. While looks fail Redis is away, and they go on until one succeeds.
    """

    def __init__(
        self,
        probe: Callable[[], None],
        on_change: Callable[[str | None], None],
        *,
        lost: Callable[[], None] = lambda: None,
        longest_seconds: float = float("inf"),
    ) -> None:
        """Look by calling `probe`, which raises if Redis is away, within `longest_seconds`.

        `on_change` is called with why Redis is away, or None; `lost` is called first, and both are
        called before any part is told.
        """
        self.reason: str | None = None
        self._probe = probe
        self._on_change = on_change
        self._lost = lost
        self._longest_seconds = longest_seconds + STOOD_STILL_SECONDS
        self._parties: list[Party] = []
        self._lock = Lock()
        self._is_wanted = False
        self._is_in_doubt = False
        self._is_closed = Event()
        self._looking: Thread | None = None

    @property
    def is_away(self) -> bool:
        """Tell whether the last look failed."""
        return self.reason is not None

    def join(self, party: Party) -> None:
        """Tell a part from now on what the looks find."""
        self._parties.append(party)
        self._is_closed.clear()

    def leave(self, party: Party) -> bool:
        """Tell a part nothing more, and give whether other parts are left.

        When no part is left, Redis is no longer looked at.
        """
        if party in self._parties:
            self._parties.remove(party)
        if not self._parties:
            self._close()
        return bool(self._parties)

    def look(self) -> None:
        """Have a look begin soon, after this call; all parts are told what it finds."""
        with self._lock:
            self._is_wanted = True
            if self._looking is None and not self._is_closed.is_set():
                self._looking = Thread(target=self._look_on, daemon=True)
                self._looking.start()

    def _close(self) -> None:
        self._is_closed.set()
        with self._lock:
            looking = self._looking
        if looking is not None:
            looking.join(CLOSE_SECONDS)

    def _look_on(self) -> None:
        """Look until Redis is there, and no other look was asked for."""
        while True:
            self._is_wanted = False
            self._look_once()
            with self._lock:
                is_done = not self.is_away and not self._is_wanted
                if is_done or self._is_closed.is_set():
                    self._looking = None
                    return
            self._is_closed.wait(RETRY_SECONDS)

    def _look_once(self) -> None:
        began = time.monotonic()
        try:
            self._probe()
        except Exception as exc:  # noqa: BLE001 - whatever it is, Redis does not do its work
            took = time.monotonic() - began
            if took > self._longest_seconds and not self._is_in_doubt:
                # This process was stopped, which says nothing about Redis. A name server that hangs
                # looks the same, and does so the next time too.
                self._is_in_doubt = self._is_wanted = True
                return
            self._lose(str(cause_of(exc)))
        else:
            self._find(time.monotonic() - began)
        self._is_in_doubt = False

    def _lose(self, reason: str) -> None:
        if self.is_away:
            return
        self.reason = reason
        _tell(self._lost)
        _tell(lambda: self._on_change(reason))
        for party in list(self._parties):
            _tell(lambda party=party: party.redis_lost(reason))  # type: ignore[misc]  # bound at once

    def _find(self, seconds: float) -> None:
        if self.is_away:
            self.reason = None
            _tell(lambda: self._on_change(None))
        for party in list(self._parties):
            _tell(lambda party=party: party.redis_seen(seconds))  # type: ignore[misc]  # the same


def _tell(what: Callable[[], None]) -> None:
    try:
        what()
    except Exception:  # noqa: BLE001 - the others must hear of it, and the looks go on
        _log.exception("redis_telling_crashed")

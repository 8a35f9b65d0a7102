"""What a reader waits for: news that it is woken for, or that are delivered in its place."""

from typing import TYPE_CHECKING

from gevent import get_hub
from gevent.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable


class Bell:
    """Rung by a log at all news, by whoever it belongs to at anything else.

    Waking a greenlet costs more than writing a frame. So where `instead` is set, and its greenlet
    waits, it is called by the hub in its place, once for all that was rung meanwhile: it must not
    wait, and tells whether the greenlet can go on waiting. `before_news` is called, and may wait,
    whenever the greenlet does go on.
    """

    __slots__ = ("_failure", "_is_due", "_is_waiting", "_news", "_soon", "before_news", "instead")

    def __init__(self) -> None:
        """Begin without news, and with nobody to deliver them."""
        self.instead: Callable[[], bool] | None = None
        self.before_news: Callable[[], None] | None = None
        self._failure: Exception | None = None
        self._is_due = False
        self._is_waiting = False
        self._news = Event()
        self._soon = get_hub().loop.run_callback

    def ring(self) -> None:
        """Tell of news in a log; never waits."""
        if self.instead is None or not self._is_waiting:
            self._news.set()
        elif not self._is_due:
            self._is_due = True
            self._soon(self._deliver)

    def wake(self) -> None:
        """Have the greenlet look for itself; never waits."""
        self._news.set()

    def wait(self) -> None:
        """Wait for news that were not delivered; what failed in delivering them is raised here."""
        self._is_waiting = True
        try:
            self._news.wait()
        finally:
            self._is_waiting = False
        self._news.clear()
        if self._failure is not None:
            raise self._failure
        if self.before_news is not None:
            self.before_news()

    def _deliver(self) -> None:
        self._is_due = False
        if not self._is_waiting or self.instead is None:
            return
        try:
            is_done = self.instead()
        except Exception as exc:  # noqa: BLE001 - the hub would print it, and the reader have a hole
            self._failure, is_done = exc, False
        if not is_done:
            self._is_waiting = False
            self._news.set()

"""The logins that were live when this process last asked."""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock


class LiveLogins:
    """Remembers the most recently used logins; only positive answers are given to it."""

    def __init__(self, capacity: int) -> None:
        """Remember at most so many."""
        self._capacity = capacity
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, login_id: str) -> bool:
        """Tell whether a login is remembered; this counts as a use of it."""
        with self._lock:
            if login_id not in self._ids:
                return False
            self._ids.move_to_end(login_id)
            return True

    def remember(self, login_id: str) -> None:
        """Remember a login in place of the least recently used one."""
        with self._lock:
            self._ids[login_id] = None
            self._ids.move_to_end(login_id)
            if len(self._ids) > self._capacity:
                self._ids.popitem(last=False)

    def forget(self, login_ids: Iterable[str]) -> None:
        """Forget these logins, whether they are remembered or not."""
        with self._lock:
            for login_id in login_ids:
                self._ids.pop(login_id, None)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._ids.clear()

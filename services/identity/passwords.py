"""Passwords: argon2id, off the hub."""

import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from gevent.threadpool import ThreadPool

from services.domain.callers.peers import SOMEBODY, Peer
from services.identity.hashing_line import HashingLine, LineRules

Params = ParamSpec("Params")
Result = TypeVar("Result")

HASHERS = 2
"""Threads for hashing: argon2 would block the hub for 50 ms, and DNS needs gevent's own pool."""

PASSES = 2
LANES = 1
"""OWASP's least for argon2id with 19 MiB. More lanes would take the cores from the streams."""

YIELDING = 10
"""How nice hashing threads are: where all cores are busy, streams and `/health` go first."""

LINE = LineRules(places=HASHERS, size=200, seconds=15)
"""At 50 ms for each password and two at once, the last of a full line waits for 5 seconds."""


class Passwords:
    """Hashes and checks passwords in threads of its own, so that no stream waits.

    Where all threads are busy a call waits in a line, and raises TooManyLogins where that is full,
    took too long, or the peer has left.
    """

    def __init__(self, memory_kib: int, line: LineRules = LINE) -> None:
        """Hash with this much memory."""
        self._line = HashingLine(line)
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=memory_kib, parallelism=LANES)
        self._pool = ThreadPool(HASHERS)
        self._nobody = self._hasher.hash("the password of nobody")

    def hash(self, password: str, peer: Peer = SOMEBODY) -> str:
        """Hash a password for storing."""
        with self._line.place(peer):
            return str(self._apply(self._hasher.hash, _normal(password)))

    def matches(self, password: str, password_hash: str | None, peer: Peer = SOMEBODY) -> bool:
        """Check a password; without a hash (no such account) that takes as long, and fails."""
        known = password_hash if password_hash is not None else self._nobody
        with self._line.place(peer):
            found = self._apply(self._verify, _normal(password), known)
        return found and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made with other costs than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """End the threads."""
        self._pool.kill()

    def _apply(
        self, work: Callable[Params, Result], *args: Params.args, **named: Params.kwargs
    ) -> Result:
        def yielding() -> Result:
            _yield_to_others()
            return work(*args, **named)

        done: Result = self._pool.apply(yielding)
        return done

    def _verify(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _yield_to_others() -> None:
    """Lower the priority of the present thread, where the system has one for each (Linux)."""
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    with suppress(OSError):  # a sandbox may forbid it
        if os.getpriority(os.PRIO_PROCESS, thread) < YIELDING:
            os.setpriority(os.PRIO_PROCESS, thread, YIELDING)


def _normal(password: str) -> str:
    # One keyboard writes e-acute as one character and another as two (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)

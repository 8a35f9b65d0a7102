"""Passwords: argon2id, off the hub."""

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from gevent.threadpool import ThreadPool

HASHERS = 2
"""Threads for hashing: argon2 would block the hub for 50 ms, and DNS needs gevent's own pool."""

PASSES = 2
LANES = 1
"""OWASP's least for argon2id with 19 MiB. More lanes would take the cores from the streams."""


class Passwords:
    """Hashes and checks passwords in threads of its own, so that no stream waits."""

    def __init__(self, memory_kib: int) -> None:
        """Hash with this much memory."""
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=memory_kib, parallelism=LANES)
        self._pool = ThreadPool(HASHERS)
        self._nobody = self._hasher.hash("the password of nobody")

    def hash(self, password: str) -> str:
        """Hash a password for storing."""
        return str(self._pool.apply(self._hasher.hash, (_normal(password),)))

    def matches(self, password: str, password_hash: str | None) -> bool:
        """Check a password; without a hash (no such account) that takes as long, and fails."""
        known = password_hash if password_hash is not None else self._nobody
        found = bool(self._pool.apply(self._verify, (_normal(password), known)))
        return found and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made with other costs than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """End the threads."""
        self._pool.kill()

    def _verify(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _normal(password: str) -> str:
    # One keyboard writes e-acute as one character and another as two (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)

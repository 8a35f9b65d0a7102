"""Until when a client has to have sent something."""

import time

from services.domain.errors.requests import RequestTimeout


class HeadClock:
    """Bounds the wait for a request, and, from its first byte on, that for the rest of its head."""

    __slots__ = ("_head_seconds", "has_begun", "until")

    invitation = b""

    def __init__(self, wait_seconds: float, head_seconds: float, *, has_begun: bool) -> None:
        """Start; `has_begun`: a part of the request is here already."""
        self.has_begun = has_begun
        self.until = time.monotonic() + (head_seconds if has_begun else wait_seconds)
        self._head_seconds = head_seconds

    @property
    def began_at(self) -> float:
        """Tell when the request's first byte was here, as `time.monotonic()` has it."""
        return self.until - self._head_seconds if self.has_begun else time.monotonic()

    def took(self, count: int) -> None:
        """Note that so many bytes have come; further ones give no more time."""
        if count and not self.has_begun:
            self.has_begun = True
            self.until = time.monotonic() + self._head_seconds

    def overdue(self) -> Exception:
        """Give what to raise: nobody waits for an answer who has not asked anything."""
        if not self.has_begun:
            return StopIteration()
        seconds = self._head_seconds
        return RequestTimeout(f"The head of the request was not here after {seconds:g} seconds.")


class BodyClock:
    """Bounds the wait for a body: each byte gives time, up to `seconds` ahead of the present.

    So a client may be slow, or silent for a while, but never both for long. `invitation` is sent
    before the first wait, to a client that asked whether its body is wanted.
    """

    __slots__ = ("_bytes_per_second", "_seconds", "invitation", "until")

    def __init__(self, seconds: float, bytes_per_second: float, invitation: bytes = b"") -> None:
        """Start with the whole time."""
        self.until = time.monotonic() + seconds
        self.invitation = invitation
        self._seconds = seconds
        self._bytes_per_second = bytes_per_second

    def took(self, count: int) -> None:
        """Note that so many bytes have come."""
        earned = self.until + count / self._bytes_per_second
        self.until = min(earned, time.monotonic() + self._seconds)

    def overdue(self) -> Exception:
        """Give what to raise."""
        return RequestTimeout(
            f"The body came too slowly: beside {self._seconds:g} seconds, it has to come at "
            f"{self._bytes_per_second:g} bytes a second. Send it again."
        )


Clock = HeadClock | BodyClock

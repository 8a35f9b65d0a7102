"""Where the server's words go: lines that are written whole, or not at all, and stop nothing.

A server outlives its log: the disk behind it may be full, the reader of a pipe may have ended or
only stand still, the terminal may be gone, and the stream may know less letters than we write.
Uses the standard library only, as gunicorn's master loads it.
"""

import os
import select
import sys
from contextlib import suppress
from typing import TextIO

_CHUNK = 4096
"""A pipe that can be written to takes as much without waiting (PIPE_BUF)."""

_poll = select.poll
"""The system's own: gevent's would let other greenlets write in the middle of a line."""


class Output:
    """Writes to a standard stream and never raises, waits or mixes lines.

    What cannot be written is lost; once there is room again, a line tells how many were.
    """

    def __init__(self, number: int) -> None:
        """Write to a descriptor: 1, standard output, or 2, standard error."""
        self._number = number
        self._lost = 0
        self._is_torn = False

    def write(self, text: str) -> int:
        """Write whole lines."""
        if self._lost and self._has_room():
            told = f"{self._lost} lines before this one could not be written.\n"
            if self._put(("\n" if self._is_torn else "") + told):
                self._lost, self._is_torn = 0, False
        if not self._put(text):
            self._lost += 1
        return len(text)

    def flush(self) -> None:
        """Do nothing: everything is written at once."""

    def _put(self, text: str) -> bool:
        left = memoryview(text.encode("utf-8", "backslashreplace"))
        begun = False
        while left:
            try:
                if not self._has_room():
                    break
                written = os.write(self._number, left[:_CHUNK])
            except OSError:
                break
            left, begun = left[written:], True
        self._is_torn = self._is_torn or bool(begun and left)
        return not left

    def _has_room(self) -> bool:
        poll = _poll()
        poll.register(self._number, select.POLLOUT)
        return bool(poll.poll(0))


def keep_standard_streams() -> None:
    """Open what is closed of the three standard streams, and let them write any letter.

    Otherwise the next file that is opened, such as the database, gets the number of a closed one,
    and what a library prints would be written into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    sys.stdout = _open(sys.stdout, 1)
    sys.stderr = _open(sys.stderr, 2)


def say(text: str) -> None:
    """Tell the operator, on standard error, what is no line of the log."""
    _told.write(text if text.endswith("\n") else f"{text}\n")


_told = Output(2)


def _open(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:  # it was closed when Python started
        return os.fdopen(os.dup(number), "w", errors="backslashreplace", buffering=1)
    with suppress(AttributeError, ValueError):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]  # a test's own has none
    return stream

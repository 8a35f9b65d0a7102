"""The terminal that a server was started in, and whether it was closed since.

Closing it sends SIGHUP, which asks a server to reload otherwise. Uses the standard library only, as
gunicorn's master loads it.
"""

import os
import signal

_TERMINAL = "/dev/tty"
"""It can be opened while this process has a terminal that controls it."""


class Terminal:
    """Made before signals are handled; under `nohup`, or without a terminal, there is none."""

    def __init__(self) -> None:
        """Look whether there is a terminal whose end is the server's end."""
        is_to_outlive = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        self._is_there = not is_to_outlive and _can_be_opened()

    def was_closed(self) -> bool:
        """Tell whether the terminal of the start is gone."""
        return self._is_there and not _can_be_opened()


def _can_be_opened() -> bool:
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError:
        return False
    return True

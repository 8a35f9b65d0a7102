"""The check that a running server has made before it reloads, in a process of its own."""

import os
import sys

from services.preflight.names import checked_settings
from services.settings.whole import InvalidSettings


def check_for(server: int, number: int) -> None:
    """Check all settings; if they are right, tell the server that asked by a signal.

    `server` is its process id, `number` the signal. Exits with what is wrong.
    """
    try:
        checked_settings()
    except InvalidSettings as exc:
        sys.exit(f"Not reloaded.\n{exc}")
    if os.getppid() == server:
        os.kill(server, number)

"""The check that a running server has made before it reloads.

python -m services.preflight.reload PID SIGNAL
"""

import os
import sys

from services.preflight.names import checked_settings
from services.settings.whole import InvalidSettings


def main(asker: int, number: int) -> None:
    """Check all settings; where they are right, signal the server that asked before a reload."""
    try:
        checked_settings()
    except InvalidSettings as exc:
        sys.exit(f"Not reloaded.\n{exc}")
    if os.getppid() == asker:
        os.kill(asker, number)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

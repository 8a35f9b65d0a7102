"""What a running server asks before it reloads: `python -m services.preflight PID SIGNAL`."""

import sys

from services.preflight.reload import check_for

if __name__ == "__main__":
    check_for(*map(int, sys.argv[1:]))

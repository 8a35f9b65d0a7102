"""The start of a server: everything is checked, then this process becomes gunicorn."""

import os
import sys
from pathlib import Path

from services.preflight.address import check_address
from services.preflight.names import checked_settings
from services.preflight.neighbours import prepare, server_lock
from services.preflight.refusal import CannotStart
from services.runs.leases.lock import DataDirTaken
from services.settings.load import unused_proxies
from services.settings.whole import InvalidSettings

EXIT_REFUSED = 2


def start(home: Path) -> None:
    """Check what can be checked beforehand, then become gunicorn; a mistake exits with code 2.

    Works in `home`, the project's folder, so that `DATA_DIR` and `.env` are the same from anywhere.
    """
    os.chdir(home)
    try:
        settings = checked_settings()
        if told := unused_proxies():
            sys.stderr.write(f"{told}\n")
        with server_lock(settings):
            prepare(settings)
            check_address(settings.server)
    except (InvalidSettings, DataDirTaken, CannotStart) as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(EXIT_REFUSED)
    config = str(home / "gunicorn.conf.py")
    arguments = [sys.executable, "-m", "gunicorn", "--config", config, "wsgi:app"]
    os.execv(sys.executable, arguments)  # noqa: S606 - no shell, and nothing of a user's in it

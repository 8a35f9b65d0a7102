"""The start of a server: everything is checked, then this process becomes gunicorn."""

import os
import sys
from pathlib import Path

from services.preflight.address import check_address
from services.preflight.names import checked_settings
from services.preflight.neighbours import prepare, server_lock
from services.preflight.privacy import UMASK, make_private
from services.preflight.refusal import CannotStart
from services.runs.leases.lock import DataDirTaken
from services.settings.load import environment_of_server, unused_proxies
from services.settings.whole import InvalidSettings
from services.telemetry.output import keep_standard_streams, say

EXIT_REFUSED = 2


def start(home: Path) -> None:
    """Check what can be checked beforehand, then become gunicorn; a mistake exits with code 2.

    Works in `home`, the project's folder, so that `DATA_DIR` and `.env` are the same from anywhere.
    """
    os.chdir(home)
    os.umask(UMASK)
    keep_standard_streams()
    try:
        settings = checked_settings()
        if told := unused_proxies():
            say(told)
        with server_lock(settings):
            make_private(settings)
            prepare(settings)
            check_address(settings.server)
    except (InvalidSettings, DataDirTaken, CannotStart) as exc:
        say(str(exc))
        sys.exit(EXIT_REFUSED)
    config = str(home / "gunicorn.conf.py")
    arguments = [sys.executable, "-m", "gunicorn", "--config", config, "wsgi:app"]
    environment = environment_of_server()
    if names := ", ".join(environment.left_out):
        say(f"{names}: not used here, where gunicorn.conf.py and the settings count.")
    os.execve(sys.executable, arguments, environment.kept)  # noqa: S606 - no shell, and nothing of a user's in it

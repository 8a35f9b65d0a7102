"""A provider that goes down and comes back."""

import sys
from contextlib import ExitStack
from pathlib import Path

from server_process import find_free_port
from wire_fixtures import SUPPORT, WireServer, running

WIRE = SUPPORT / "wire_server.py"


class Vendor:
    """A wire server of a test's own, on the same port each time that it comes up."""

    def __init__(self) -> None:
        """Choose where it is."""
        self.port = find_free_port()
        self._up = ExitStack()

    def start(self) -> WireServer:
        """Come up."""
        self._up.enter_context(running(sys.executable, Path(WIRE), str(self.port)))
        return WireServer(self.port)

    def stop(self) -> None:
        """Go down."""
        self._up.close()

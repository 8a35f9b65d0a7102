"""A provider that goes down and comes back."""

from contextlib import ExitStack

from stack.server_process import find_free_port
from wires.fixtures import WIRE, WireServer, running


class Vendor:
    """A wire server of a single test, on the same port each time that it comes up."""

    def __init__(self) -> None:
        """Choose its port."""
        self.port = find_free_port()
        self._up = ExitStack()

    def start(self) -> WireServer:
        """Come up."""
        self._up.enter_context(running(*WIRE, str(self.port)))
        return WireServer(self.port)

    def stop(self) -> None:
        """Go down."""
        self._up.close()

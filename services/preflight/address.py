"""Checks whether a server can listen on the address of the settings."""

import socket

from services.preflight.refusal import CannotStart
from services.settings.groups.server import ServerSettings


def check_address(server: ServerSettings) -> None:
    """Raise CannotStart where no server can listen on the address; gunicorn would try for long."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            server.host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as exc:
        raise CannotStart(
            f"{server.address} cannot be listened on ({exc.strerror}): set PORT or HOST."
        ) from exc

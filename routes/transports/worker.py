"""gunicorn's gevent worker, over sockets that send a frame with a single system call."""

from typing import Any

import gevent.socket
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]  # it has none


class ClientSocket(gevent.socket.socket):
    """A client's connection; gevent asks for the size of a buffer before it sends anything."""

    __slots__ = ()

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send, and fall back on gevent for what a slow client does not take at once."""
        sent = self.send(data, flags)
        if sent < len(data):
            super().sendall(memoryview(data)[sent:], flags)


class StreamWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves each plain connection through a ClientSocket."""

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Answer the requests of a connection."""
        if type(client) is gevent.socket.socket:
            client.__class__ = ClientSocket  # another socket over the same connection takes 20 us
        super().handle(listener, client, addr)

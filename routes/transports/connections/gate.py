"""Where connections are accepted, or refused at once: the door is never shut."""

import errno
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gevent.server import StreamServer

from routes.transports.connections.bounds import Bounds
from routes.transports.connections.client_socket import ClientSocket
from routes.transports.connections.register import Register

_NO_MORE_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_GONE = (errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH)
"""Errors of a connection that ended before it was accepted: Linux tells them here."""

_TOLD_EVERY_SECONDS = 10.0
_READ_BYTES = 64 * 1024
_REFUSED_AT_ONCE = 32

Tell = Callable[[int, str], None]
"""Takes how many connections were refused since it was told last, and the last one's address."""


class Gate(StreamServer):
    """Accepts connections as long as there are places and open files, and refuses all further ones.

    gevent's own stops to accept where it may serve no more: then clients wait for an answer, with
    `/health` among them, as long as the others please.
    """

    def __init__(
        self,
        listener: Any,
        handle: Callable[..., None],
        pool: Any,
        register: Register,
        bounds: Bounds,
    ) -> None:
        """Accept from a listener; `refusal` and `tell` are set by whoever has them."""
        super().__init__(listener, handle=handle, spawn=pool)
        self.refusal = b""
        self.tell: Tell | None = None
        self._register = register
        self._bounds = bounds
        self._refused = 0
        self._told_at = 0.0
        self._spare: int | None = None
        self._keep_spare()

    def do_read(self) -> Any:
        """Accept a connection, and give it with its address; None: there is none to serve now.

        Refused ones do not count for `max_accept`: whoever waits behind many of them waits briefly.
        """
        for _ in range(_REFUSED_AT_ONCE):
            accepted = self._accept(self.socket)
            if accepted is None:
                return None
            client, address = accepted
            if self._register.enter(client, address[0] if address else ""):
                return accepted
            self._refuse(client, address)
        return None

    def _accept(self, listener: Any) -> tuple[ClientSocket, Any] | None:
        try:
            number, address = listener._accept()  # noqa: SLF001 - as in gevent's own `do_read`
        except BlockingIOError:
            return None
        except OSError as exc:
            if exc.errno in _NO_MORE_FILES and self._spare is not None:
                self._shed(listener)
            elif exc.errno not in _GONE:
                raise
            return None
        if self._spare is None:
            self._keep_spare()
        bounds = self._bounds
        client = ClientSocket(listener, number, bounds.send_seconds, bounds.bytes_per_second)
        return client, address

    def _refuse(self, client: ClientSocket, address: Any) -> None:
        """Say no, in no time: what is not taken at once is not sent."""
        client.timeout = 0.0
        with suppress(OSError):
            client.send(self.refusal)
            client.shutdown(socket.SHUT_WR)
            client.recv(_READ_BYTES)  # closing over an unread request would reset the connection
        client.close()
        self._count(address)

    def _shed(self, listener: Any) -> None:
        """Accept with the file that is kept for this, and close: waiting would change nothing."""
        self._drop_spare()
        with suppress(OSError):
            number, address = listener._accept()  # noqa: SLF001 - the same
            os.close(number)
            self._count(address)
        self._keep_spare()

    def _count(self, address: Any) -> None:
        self._refused += 1
        if self.tell and time.monotonic() - self._told_at >= _TOLD_EVERY_SECONDS:
            self.tell(self._refused, address[0] if address else "")
            self._told_at, self._refused = time.monotonic(), 0

    def _keep_spare(self) -> None:
        with suppress(OSError):
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _drop_spare(self) -> None:
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

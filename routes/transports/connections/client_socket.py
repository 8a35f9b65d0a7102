"""A client's connection, over which nobody is waited for without end."""

import socket
import struct
import sys
import time
from contextlib import suppress
from typing import Any

import gevent
import gevent.socket

from routes.transports.connections.clocks import BodyClock, Clock, HeadClock
from routes.transports.connections.debts import Debts
from services.domain.errors.base import CharlaError
from services.domain.errors.outages import TooManyConnections

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PIECE_BYTES = 64 * 1024
_NO_BOUND = Debts(sys.maxsize)
_TOO_MUCH_SENT = (
    "The server holds as much of your network's unfinished requests as it may have now."
)
_LET_GO = "The rest of the request cannot be waited for any longer: the server is full, or ends."


class ClientSocket(gevent.socket.socket):
    """A client's connection; gevent asks for the size of a buffer before it sends anything.

    Its timeout is how long the client may take nothing; gevent's own would be for all of it. How
    long the client may send nothing is the present clock's matter.
    """

    __slots__ = (
        "bytes_per_second",
        "circles",
        "clock",
        "debts",
        "held_bytes",
        "is_behind",
        "is_let_go",
        "waited_seconds",
        "waiting",
        "was_answered",
    )

    timeout: float | None
    """How long the client may take nothing; setting it through `settimeout` takes ten times as
    long."""

    bytes_per_second: float
    """What a client that is behind has to take, beside the timeout, of one answer."""

    circles: tuple[str, ...]
    """The networks that hold this connection, from the narrowest to the widest."""

    clock: Clock | None
    """Bounds reading; None: nothing does."""

    debts: Debts
    """Counts what this client, and all others, have yet to take."""

    held_bytes: int
    """How much of the present request's body is in memory; it counts as what is owed does."""

    is_behind: bool
    """Tells whether an answer waits for the client to take more of it."""

    is_let_go: bool
    """Tells whether others got the place of this connection."""

    waiting: dict["ClientSocket", float]
    """It holds this connection, and since when, while the client is waited for; the longest wait
    comes first."""

    was_answered: bool
    """Tells whether it has had an answer already."""

    waited_seconds: float
    """How much of its time a client that is behind has used up in the present answer."""

    def __init__(self, listener: Any, fileno: int, send_seconds: float, rate: float) -> None:
        """Take over a connection that a listener, or another end like it, has accepted."""
        super().__init__(listener.family, listener.type, listener.proto, fileno=fileno)
        self.timeout = send_seconds
        self.bytes_per_second = rate
        self.circles = ()
        self.clock = None
        self.debts = _NO_BOUND
        self.held_bytes = 0
        self.is_behind = False
        self.is_let_go = False
        self.was_answered = False
        self.waiting = {}
        self.waited_seconds = 0.0

    def recv(self, *args: Any) -> bytes:
        """Receive, or raise what the clock says once its time is over."""
        clock = self.clock
        if clock is None:
            return super().recv(*args)
        if clock.invitation:
            self._invite(clock)
        given, self.timeout = self.timeout, 0.0
        try:
            data = super().recv(*args)
        except BlockingIOError:
            data = self._wait_for(clock, args)
        finally:
            self.timeout = given
        if not data and self.is_let_go and not self.is_idle:
            raise TooManyConnections(_LET_GO)
        clock.took(len(data))
        if isinstance(clock, BodyClock):
            self._hold(len(data))
        return data

    def _hold(self, count: int) -> None:
        """Count a part of a body, which is in memory until its request is answered."""
        if not self.debts.take(self.circles, count):
            raise TooManyConnections(_TOO_MUCH_SENT)
        self.held_bytes += count

    def release(self) -> None:
        """Count the body of the last request no more."""
        if self.held_bytes:
            self.debts.give_back(self.circles, self.held_bytes)
            self.held_bytes = 0

    def _wait_for(self, clock: Clock, args: tuple[Any, ...]) -> bytes:
        """Wait until the clock's time is over; what came in time is read even later.

        In a burst of thousands the hub looks at the clock before it looks at the connections.
        """
        self.timeout = clock.until - time.monotonic()
        if self.timeout <= 0:
            raise clock.overdue()
        self.waiting[self] = time.monotonic()
        try:
            return super().recv(*args)
        except TimeoutError:
            self.timeout = 0.0
            try:
                return super().recv(*args)
            except BlockingIOError:
                raise clock.overdue() from None
        except OSError:  # `let_go` ends a wait in this way
            if not self.is_let_go:
                raise
            return b""
        finally:
            self.waiting.pop(self, None)

    def _invite(self, clock: Clock) -> None:
        invitation = clock.invitation
        if isinstance(clock, BodyClock):
            clock.invitation = b""
        self.sendall(invitation)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send; raise TimeoutError where the client takes nothing, or too little.

        The timeout is for all waits of an answer, and what the client takes meanwhile buys it time.
        """
        try:
            sent = self.send(data, flags, 0.0)  # type: ignore[call-arg]  # gevent's has a timeout
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._owe(memoryview(data)[sent:], flags)

    def _owe(self, left: memoryview, flags: int) -> None:
        """Send the rest of an answer, which is in memory until it is taken."""
        debts, circles, count = self.debts, self.circles, len(left)
        if not debts.take(circles, count):
            raise TimeoutError("too much is owed to this network")
        self.is_behind = True
        self.waiting[self] = time.monotonic()
        try:
            self._send_late(left, flags)
        finally:
            self.is_behind = False
            self.waiting.pop(self, None)
            debts.give_back(circles, count)

    def _send_late(self, left: memoryview, flags: int) -> None:
        """Send to a client that is behind."""
        patience = self.timeout
        while left:
            began = time.monotonic()
            if patience is not None:
                self.timeout = patience - self.waited_seconds
                if self.timeout <= 0:
                    self.timeout = patience
                    raise TimeoutError("timed out")
            try:
                sent = self.send(left, flags)
            finally:
                self.timeout = patience
            used = time.monotonic() - began - sent / self.bytes_per_second
            self.waited_seconds = max(0.0, self.waited_seconds + used)
            left = left[sent:]

    def hear_out(self, clock: Clock, most_bytes: int) -> None:
        """Say that the answer is complete, and pass over what the client still sends."""
        self.clock = clock
        with suppress(OSError, CharlaError):
            self.shutdown(socket.SHUT_WR)
            while most_bytes > 0 and (data := self.recv(_PIECE_BYTES)):
                most_bytes -= len(data)
                gevent.sleep(0)  # who sends fast keeps nobody else waiting

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing of a request is here."""
        return isinstance(self.clock, HeadClock) and not self.clock.has_begun

    def let_go(self) -> None:
        """Have whoever waits for the client see the end of the connection."""
        self.is_let_go = True
        with suppress(OSError):
            self.shutdown(socket.SHUT_RDWR if self.is_behind else socket.SHUT_RD)

    def abort(self) -> None:
        """Drop the client, and with it all that it has not taken, also what the kernel keeps."""
        with suppress(OSError):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

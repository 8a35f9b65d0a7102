"""A TCP relay whose connections can be cut, which looks to a client like a lost network."""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: closing sends a reset
_PIECE_BYTES = 65_536
_OF_A_STREAM = re.compile(rb"[A-Z]+ [^ ]+/stream[ ?]")
_PLACE = re.compile(rb"(?i)(\r\nlast-event-id: )[^\r]+")
FRAME_END = b"\n\n"


@dataclass(frozen=True, slots=True)
class Cut:
    """How one connection of a stream ends: after so many bytes of its answer, to the byte.

    With `behind` it goes on until these bytes have come as well. With `loses_place` the server does
    not understand the last event id that the reader sends. With `silent` the connection stays, and
    nothing comes through it any more.
    """

    after: int = 0
    behind: bytes = b""
    loses_place: bool = False
    silent: bool = False

    def sent(self, request: bytes) -> bytes:
        """Give the request as it arrives."""
        return _PLACE.sub(rb"\1lost", request) if self.loses_place else request

    def end_in(self, answer: bytes) -> int | None:
        """Tell where the answer ends; None: not yet."""
        found = answer.find(self.behind, self.after)
        return None if found < 0 else found + len(self.behind)


class CutProxy:
    """Relays a port of its own to a server on this machine, until a test tells it to stop."""

    def __init__(self, server_port: int) -> None:
        """Listen on a free port; connections are relayed from `__enter__` on."""
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._is_down = False
        self._swallows = False
        self.swallowed = threading.Event()
        self._cuts: list[Cut] = []
        self._cut_of: dict[socket.socket, Cut | None] = {}
        self.cuts_done = 0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def go_down(self) -> None:
        """Cut all connections, and refuse new ones."""
        with self._lock:
            self._is_down = True
            cut = list(self._open)
        for connection in cut:
            self._reset(connection)

    def swallow_answers(self) -> None:
        """Let requests through and drop the answers; `swallowed` is set at the first."""
        self._swallows = True

    def cut_streams(self, cuts: Iterable[Cut]) -> None:
        """Cut each of the next streams in one of these ways; `cuts_done` counts them."""
        self._cuts = list(cuts)
        self.cuts_done = 0

    def move_to(self, server_port: int) -> None:
        """Relay new connections to another server, as when a name gets another address."""
        self._server_port = server_port

    def come_back(self) -> None:
        """Relay again."""
        self._swallows = False
        self._is_down = False

    def __enter__(self) -> Self:
        """Begin to relay."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut what is open and stop listening."""
        self.go_down()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed: the test is over
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        if self._is_down:
            self._reset(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._server_port))
        except OSError:  # the server is away: the client is to see it
            self._reset(client)
            return
        with self._lock:
            self._open |= {client, server}
        back = threading.Thread(target=self._answer, args=(server, client), daemon=True)
        back.start()
        with contextlib.suppress(OSError):
            while piece := client.recv(_PIECE_BYTES):
                server.sendall(self._marked(client, piece))
        self._half_close(server)
        back.join()
        for connection in (client, server):
            connection.close()
        with self._lock:
            self._open -= {client, server}
            self._cut_of.pop(client, None)

    def _marked(self, client: socket.socket, request: bytes) -> bytes:
        """Note how the stream that is asked for ends, and give the request as it arrives."""
        if not _OF_A_STREAM.match(request):
            return request
        with self._lock:
            cut = self._cuts.pop(0) if self._cuts else None
            self._cut_of[client] = cut
        return cut.sent(request) if cut else request

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        answer, cut = b"", None
        with contextlib.suppress(OSError):
            while piece := server.recv(_PIECE_BYTES):
                if self._swallows:
                    self.swallowed.set()
                    continue
                if cut is not self._cut_of.get(client):
                    answer, cut = b"", self._cut_of.get(client)
                answer += piece
                end = cut.end_in(answer) if cut else None
                if end is not None:
                    client.sendall(piece[: len(piece) - (len(answer) - end)])
                    self.cuts_done += 1
                    if cut and cut.silent:
                        self._hear_out(server)
                        break
                    for connection in (client, server):
                        connection.shutdown(socket.SHUT_RDWR)
                    break
                client.sendall(piece)
        self._half_close(client)

    @staticmethod
    def _hear_out(server: socket.socket) -> None:
        """Read and drop what still comes, until the client has hung up."""
        while server.recv(_PIECE_BYTES):
            pass

    @staticmethod
    def _half_close(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)

    @staticmethod
    def _reset(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it; then the reset
        connection.close()

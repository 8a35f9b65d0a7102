"""A TCP relay whose connections can be cut, which looks to a client like a lost network."""

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: closing sends a reset
_PIECE_BYTES = 65_536


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
        server = socket.create_connection(("127.0.0.1", self._server_port))
        with self._lock:
            self._open |= {client, server}
        back = threading.Thread(target=self._answer, args=(server, client), daemon=True)
        back.start()
        with contextlib.suppress(OSError):
            while piece := client.recv(_PIECE_BYTES):
                server.sendall(piece)
        self._half_close(server)
        back.join()
        for connection in (client, server):
            connection.close()
        with self._lock:
            self._open -= {client, server}

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := server.recv(_PIECE_BYTES):
                if self._swallows:
                    self.swallowed.set()
                else:
                    client.sendall(piece)
        self._half_close(client)

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

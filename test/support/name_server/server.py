"""A name server on loopback, which answers, hangs, or moves a name, as a test tells it."""

import os
import socket
import struct
import threading
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

_HEAD = struct.Struct("!6H")
_A, _IN, _ANSWER, _UNKNOWN = 1, 1, 0x8180, 0x8183
_POINTER_TO_QUESTION = 0xC00C
STUB = Path(__file__).with_name("stub")
HANGS = "hangs"


class NameServer:
    """Answers for names below `.test` over UDP; `addresses` may be changed at any time.

    An address is text; HANGS: no answer ever comes; a name that is missing is unknown. `asked`
    counts the questions by name.
    """

    def __init__(self, addresses: dict[str, str]) -> None:
        """Listen on a free port; questions are answered from `__enter__` on."""
        self.addresses = addresses
        self.asked: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._port: int = self._socket.getsockname()[1]

    @property
    def environment(self) -> dict[str, str]:
        """Give what makes a Python process ask this server: its resolver cannot be told a port."""
        return {"PYTHONPATH": os.fspath(STUB), "NAME_SERVER_OF_A_TEST": str(self._port)}

    def __enter__(self) -> Self:
        """Begin to answer."""
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Answer no more."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                question, client = self._socket.recvfrom(512)
            except OSError:  # the test is over
                return
            name, end = _name_in(question)
            self.asked[name] += 1
            address = self.addresses.get(name)
            if address != HANGS:
                self._socket.sendto(_answer(question, end, address), client)


def question_for(name: str, number: int) -> bytes:
    """Make the bytes that ask for a name's address."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return _HEAD.pack(number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", _A, _IN)


def address_in(answer: bytes) -> str | None:
    """Read the address of an answer; None: the name is unknown."""
    return socket.inet_ntoa(answer[-4:]) if _HEAD.unpack_from(answer)[3] else None


def _name_in(question: bytes) -> tuple[str, int]:
    labels, place = [], _HEAD.size
    while size := question[place]:
        labels.append(question[place + 1 : place + 1 + size].decode())
        place += 1 + size
    return ".".join(labels), place + 5


def _answer(question: bytes, end: int, address: str | None) -> bytes:
    number = _HEAD.unpack_from(question)[0]
    if address is None:
        return _HEAD.pack(number, _UNKNOWN, 1, 0, 0, 0) + question[_HEAD.size : end]
    record = struct.pack("!HHHIH", _POINTER_TO_QUESTION, _A, _IN, 5, 4) + socket.inet_aton(address)
    return _HEAD.pack(number, _ANSWER, 1, 1, 0, 0) + question[_HEAD.size : end] + record

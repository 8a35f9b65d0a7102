"""Sends what the grammar makes over raw sockets, and judges only that the server stays well."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hostile.fuzz.grammar import Grammar
from stack.server_process import ServerProcess

HANG_SECONDS = 20.0
HEALTHY_EVERY = 100
SENDERS = 4
UNCLOSED = 40
"""One request in so many leaves its sending half open: what is not whole has to be timed out."""

HOMES = 250 * 250
UNAVAILABLE = 503


@dataclass(slots=True)
class Findings:
    """What was wrong, with the number and the bytes of the request; and all statuses that came."""

    problems: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


def fuzz(server: ServerProcess, grammar: Grammar, numbers: Iterable[int]) -> Findings:
    """Send the requests of these numbers, from a new address each, several at a time."""
    findings, lock = Findings(), threading.Lock()
    waiting = iter(numbers)

    def take() -> Iterator[int]:
        while True:
            with lock:
                number = next(waiting, None)
            if number is None:
                return
            yield number

    def send() -> None:
        for number in take():
            _try(server.port, grammar, number, findings)

    threads = [threading.Thread(target=send, daemon=True) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return findings


def _try(port: int, grammar: Grammar, number: int, findings: Findings) -> None:
    sent = grammar.request(number)
    status = _status(port, sent, number)
    findings.statuses[status] += 1
    if not _is_well(status):
        findings.problems.append(f"request {number}: {status}: {sent[:600]!r}")
    if number % HEALTHY_EVERY == HEALTHY_EVERY - 1:
        healthy = _status(port, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 1)
        if healthy != "200":
            findings.problems.append(f"/health after request {number}: {healthy}")


def _is_well(status: str) -> bool:
    if status.isdecimal():
        return int(status) < 500 or int(status) == UNAVAILABLE
    return status == "closed"


def _status(port: int, sent: bytes, number: int) -> str:
    """Send, and read the head of the first answer that is no 1xx."""
    home = f"127.{1 + number // 250 % 250}.{number % 250}.1"
    deadline = time.monotonic() + HANG_SECONDS
    try:
        with socket.create_connection(("127.0.0.1", port), HANG_SECONDS, (home, 0)) as connection:
            connection.sendall(sent)
            if number % UNCLOSED:
                connection.shutdown(socket.SHUT_WR)
            read = b""
            while time.monotonic() < deadline:
                data = connection.recv(65_536)
                read += data
                first, end, rest = read.partition(b"\r\n\r\n")
                if end and first.split(b" ")[1:2] == [b"100"]:
                    read = rest
                    continue
                if end:
                    return first.split(b" ")[1].decode(errors="replace")
                if not data:
                    return "closed" if not read else f"no answer: {read[:100]!r}"
    except TimeoutError:
        return "hangs"
    except OSError:
        return "closed"
    return "hangs"

"""Frames past gunicorn: the same bytes in the same order, however slowly the client reads."""

import socket
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gevent
import gevent.socket
import pytest
from api.raw_http import as_client
from flask import Flask, Response
from gunicorn.config import Config  # type: ignore[import-untyped]  # it has none
from worlds.followed import Followed
from worlds.log_events import ATTEMPT, DONE, START

from routes.transports.sse import StreamTimes, sse_response
from routes.transports.worker import StreamWorker
from services.domain.events import Content

PATIENCE_SECONDS = 10
SEND_SECONDS = 5.0
LONG = "0123456789" * 30_000


@dataclass
class Served:
    """A run that is read through gunicorn's worker, and the client's end of the connection."""

    followed: Followed = field(default_factory=Followed)
    send_seconds: float = SEND_SECONDS
    sends: list[int] = field(default_factory=list)

    @contextmanager
    def asked(self, request: bytes) -> Generator[gevent.socket.socket, None, None]:
        """Send a request, and give the socket on which the answer comes."""
        app = Flask(__name__)
        times = StreamTimes(reconnect_seconds=1)

        @app.get("/")
        def read() -> Response:
            return sse_response(self.followed.follow(), times)

        config = Config()
        worker = StreamWorker(1, 0, [], None, 30, config, _Log())
        worker.wsgi = app
        ours, theirs = gevent.socket.socketpair()
        theirs.sendall(request)
        with theirs, gevent.socket.socket() as listener, gevent.Timeout(PATIENCE_SECONDS):
            client = as_client(ours, self.send_seconds)
            self.serving = gevent.spawn(worker.handle, listener, client, ("127.0.0.1", 1))
            yield theirs
            theirs.close()
            self.serving.kill()
        worker.tmp.close()


class _Log:
    """Takes what gunicorn logs."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nHost: h\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"


def until(connection: gevent.socket.socket, end: bytes) -> bytes:
    """Read until something has come."""
    told = b""
    while not told.endswith(end):
        piece = connection.recv(1 << 16)
        if not piece:
            break
        told += piece
    return told


def body_of(told: bytes) -> bytes:
    """Take a chunked body apart."""
    head, _, rest = told.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        body += rest[:length]
        assert rest[length : length + 2] == b"\r\n"
        rest = rest[length + 2 :]
    return body


def append(served: Served, events: Iterable[Any]) -> None:
    for event in events:
        served.followed.writer.append(event)


def test_headers_and_first_frames_are_one_send_and_so_are_the_last_ones_and_the_end() -> None:
    served = Served()
    append(served, [START])
    with served.asked(GET) as client:
        first = client.recv(1 << 16)
        append(served, [Content("a")])
        second = client.recv(1 << 16)
        append(served, [DONE])
        last = client.recv(1 << 16)

    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b'"type":"start"' in first
    assert (
        second == b"34\r\n" + b'data: {"type":"content","content":"a"}\nid: run.1.2\n\n' + b"\r\n"
    )
    assert b'"type":"done"' in last
    assert last.endswith(b"\n\n\r\n0\r\n\r\n")
    assert len(served.followed.followers) == 0


def test_a_connection_serves_the_next_request() -> None:
    served = Served()
    append(served, [START, Content("a"), DONE])
    with served.asked(GET) as client:
        told = until(client, b"0\r\n\r\n")
        client.sendall(GET)
        again = until(client, b"0\r\n\r\n")

    assert body_of(told) == body_of(again)
    assert body_of(told).count(b"\n\n") == 3


def test_the_send_timeout_of_a_stream_does_not_bound_the_wait_for_the_next_request() -> None:
    served = Served(send_seconds=0.05)
    append(served, [START, Content("a"), DONE])
    with served.asked(GET) as client:
        told = until(client, b"0\r\n\r\n")
        served.serving.join(4 * served.send_seconds)
        client.sendall(GET)
        again = until(client, b"0\r\n\r\n")

    assert body_of(told) == body_of(again)


def test_every_byte_comes_in_order_to_a_client_that_reads_slowly() -> None:
    served = Served()
    append(served, [START])
    with served.asked(GET) as client:
        told = bytearray(client.recv(1 << 16))
        for number in range(8):
            append(served, [Content(f"{number}"), Content(LONG)])
            gevent.sleep(0)
        append(served, [ATTEMPT, Content("end"), DONE])
        while not told.endswith(b"\r\n0\r\n\r\n"):
            told += client.recv(50_000)
            gevent.sleep(0)

    frames = body_of(bytes(told)).decode().split("\n\n")
    ids = [frame.split("\n")[-1] for frame in frames if frame]
    assert ids == [f"id: run.1.{seq}" for seq in (*range(1, 18), 19, 20)]
    assert [frame.count(LONG) for frame in frames[1:17]] == [0, 1] * 8


def test_a_client_that_takes_nothing_is_dropped_in_time_and_holds_nobody_up() -> None:
    served = Served(send_seconds=0.05)
    append(served, [START])
    with served.asked(GET) as client:
        client.recv(1 << 16)
        for _ in range(20):
            append(served, [Content(LONG)])
            gevent.sleep(0)
        served.serving.join(PATIENCE_SECONDS)
        assert served.serving.ready()

    assert len(served.followed.followers) == 0


def test_a_client_that_left_is_noticed_by_the_next_frames() -> None:
    served = Served()
    append(served, [START])
    with served.asked(GET) as client:
        client.recv(1 << 16)
        client.close()
        append(served, [Content("a")])
        gevent.sleep(0)
        append(served, [Content("b")])
        served.serving.join(PATIENCE_SECONDS)

        assert len(served.followed.followers) == 0


def test_a_client_of_http_1_0_gets_the_frames_without_chunks() -> None:
    served = Served()
    append(served, [START])
    with served.asked(OLD) as client:
        told = client.recv(1 << 16)
        append(served, [Content("a")])
        append(served, [DONE])
        told += until(client, b"nothing that comes")

    head, _, body = told.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert body.startswith(b"retry: 1000\ndata: ")
    assert body.endswith(b"\nid: run.1.3\n\n")
    assert len(served.followed.followers) == 0


def test_a_head_request_gets_no_body_and_gives_its_place_back() -> None:
    served = Served()
    append(served, [START])
    with served.asked(HEAD) as client:
        told = until(client, b"\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 200 OK\r\n")
        assert len(served.followed.followers) == 0
        client.sendall(HEAD)  # and the connection goes on
        assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_client_that_leaves_before_the_first_byte_gives_its_place_back() -> None:
    served = Served()
    with served.asked(GET) as client:
        while len(served.followed.followers) == 0:
            gevent.sleep(0)
        client.shutdown(socket.SHUT_RDWR)
        client.close()
        append(served, [START])
        gevent.sleep(0)
        append(served, [Content("a")])
        served.serving.join(PATIENCE_SECONDS)

        assert len(served.followed.followers) == 0


@pytest.mark.parametrize("request_line", [GET, OLD])
def test_pings_come_while_nothing_happens(request_line: bytes) -> None:
    served = Served()
    append(served, [START])
    with served.asked(request_line) as client:
        client.recv(1 << 16)
        for reader in list(served.followed.followers._present):  # noqa: SLF001 - whichever reads
            reader.ping()
        assert b": ping\n\n" in client.recv(1 << 16)

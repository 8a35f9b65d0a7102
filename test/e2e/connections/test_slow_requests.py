"""Clients that send slowly, or stop: they are told so, and hold no connection."""

import threading
import time

import pytest
from api.raw_http import RawClient, head
from stack.server_process import ServerProcess

LOGIN = ("POST", "/api/auth/login", "Content-Type: application/json")
CHUNKED = head(*LOGIN, "Transfer-Encoding: chunked")
LONG = head(*LOGIN, "Content-Length: 12000")
MANY = 60


@pytest.mark.parametrize(
    "sent",
    [
        LONG + b"{",
        LONG + b" " * 5_000,
        CHUNKED + b"5\r\nab",
        CHUNKED + b"2\r\n{}\r\n",
        CHUNKED + b"2\r\n{}\r\n0\r\nX: ",
        CHUNKED + b"F" * 12,
        b"GET /hea",
        b"GET /health HTTP/1.1\r\nHost: h\r\nX-Half: ",
    ],
)
def test_what_does_not_arrive_in_time_is_a_408_and_the_end(
    quick_server: ServerProcess, sent: bytes
) -> None:
    with RawClient(quick_server.port) as client:
        began = time.monotonic()
        answer = client.send(sent).rest()

    assert time.monotonic() - began < 5
    assert answer.status == answer.problem["status"] == 408
    assert answer.problem["code"] == "request_timeout"
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"] == answer.problem["request_id"]


@pytest.mark.parametrize("begun", [LONG, CHUNKED + b"FFFF\r\n", b"GET / HTTP/1.1\r\nX: "])
def test_a_byte_now_and_then_does_not_draw_it_out(
    quick_server: ServerProcess, begun: bytes
) -> None:
    with RawClient(quick_server.port) as client:
        client.send(begun)
        over = threading.Event()

        def trickle() -> None:
            while not over.wait(0.1):
                try:
                    client.send(b" ")
                except OSError:
                    return

        trickling = threading.Thread(target=trickle)
        trickling.start()
        began = time.monotonic()
        first = client.receive()
        over.set()
        trickling.join()

    assert b" 408 " in first
    assert time.monotonic() - began < 4


def test_a_slow_phone_that_keeps_sending_is_waited_for(quick_server: ServerProcess) -> None:
    with RawClient(quick_server.port) as client:
        client.send(head(*LOGIN, "Content-Length: 6002", "Connection: close"))
        began = time.monotonic()
        for _ in range(10):
            client.send(b" " * 600)
            time.sleep(0.3)
        answer = client.send(b"{}").rest()

    assert time.monotonic() - began > 2  # twice as long as a client may be silent
    assert answer.status == 422


def test_who_asks_nothing_is_told_nothing(quick_server: ServerProcess) -> None:
    with RawClient(quick_server.port) as client:
        assert client.rest().received == b""


@pytest.mark.parametrize("length", [1_000_000, 20_000])
def test_an_early_answer_reaches_a_client_that_is_still_sending(
    quick_server: ServerProcess, length: int
) -> None:
    with RawClient(quick_server.port) as client:
        client.send(head("POST", "/api/chat", f"Content-Length: {length}", "Connection: close"))
        for _ in range(10):
            client.send(b"x" * (length // 10))
        answer = client.rest()

    assert answer.status == 401
    assert answer.headers["connection"] == "close"


def test_an_early_answer_does_not_wait_for_a_body_that_nobody_reads(
    quick_server: ServerProcess,
) -> None:
    with RawClient(quick_server.port) as client:
        began = time.monotonic()
        answer = client.send(head("POST", "/api/chat", "Content-Length: 1000000") + b"x").rest()

    assert answer.status == 401
    assert answer.headers["connection"] == "close"
    assert time.monotonic() - began < 1


def test_a_small_body_that_nobody_read_leaves_the_connection_for_the_next_request(
    quick_server: ServerProcess,
) -> None:
    with RawClient(quick_server.port) as client:
        client.send(head("POST", "/api/chat", "Content-Length: 5") + b"small")
        assert client.until(b'"}').status == 401
        answer = client.send(head("GET", "/health", "Connection: close")).rest()

    assert answer.status == 200


def test_who_asks_before_sending_is_refused_before_sending(quick_server: ServerProcess) -> None:
    expecting = ("Expect: 100-continue", "Content-Length: 1000")
    with RawClient(quick_server.port) as client:
        refused = client.send(head("POST", "/api/chat", *expecting)).rest()
    with RawClient(quick_server.port) as client:
        told = client.send(head(*LOGIN, *expecting, "Connection: close")).receive()
        taken = client.send(b" " * 998 + b"{}").rest()

    assert refused.status == 401
    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert taken.status == 422


def test_many_that_stop_in_the_middle_are_all_let_go(quick_server: ServerProcess) -> None:
    clients = [RawClient(quick_server.port).send(LONG + b"{") for _ in range(MANY)]
    with RawClient(quick_server.port) as good:
        began = time.monotonic()
        answer = good.send(head("GET", "/health", "Connection: close")).rest()
        took = time.monotonic() - began
    answers = [client.rest() for client in clients]
    for client in clients:
        client.socket.close()

    assert answer.status == 200
    assert took < 1
    assert {each.status for each in answers} == {408}
    assert "Traceback" not in quick_server.output()

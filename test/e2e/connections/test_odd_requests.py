"""What is no request, over a real connection: a problem document as for any other mistake."""

import json

import pytest
from api.raw_http import RawClient, head
from stack.server_process import ServerProcess

GET = "GET /health HTTP/1.1\r\nHost: h\r\n"
POST = "POST /api/auth/login HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"

REFUSED = {
    "no request": (b"nonsense\r\n\r\n", 400, "bad_request"),
    "TLS": (b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03\r\n\r\n", 400, "bad_request"),
    "small letters": (b"get /health HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_request"),
    "a method that is none": (b"G@T /health HTTP/1.1\r\n\r\n", 400, "bad_request"),
    "HTTP/2": (b"GET /health HTTP/2.0\r\nHost: h\r\n\r\n", 400, "bad_request"),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"),
    "no version": (b"GET /health\r\n\r\n", 400, "bad_request"),
    "bare line feeds": (b"GET /health HTTP/1.1\nHost: h\n\n", 400, "bad_request"),
    "an address with a hole": (b"GET http://[::1/x HTTP/1.1\r\n\r\n", 400, "bad_request"),
    "a NUL": ((GET + "X: a\0b\r\n\r\n").encode(), 400, "bad_request"),
    "a folded header": ((GET + "X: a\r\n b\r\n\r\n").encode(), 400, "bad_request"),
    "a nameless header": ((GET + ": a\r\n\r\n").encode(), 400, "bad_request"),
    "two hosts": ((GET + "Host: i\r\n\r\n").encode(), 400, "bad_request"),
    "both lengths": (
        (POST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n").encode(),
        400,
        "bad_request",
    ),
    "two lengths": (
        (POST + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}").encode(),
        400,
        "bad_request",
    ),
    "a length that is none": ((POST + "Content-Length: +2\r\n\r\n{}").encode(), 400, "bad_request"),
    "a length of 5000 digits": (
        (POST + f"Content-Length: {'9' * 5000}\r\n\r\n{{}}").encode(),
        400,
        "bad_request",
    ),
    "an unknown coding": ((POST + "Transfer-Encoding: br\r\n\r\n").encode(), 400, "bad_request"),
    "an expectation": ((POST + "Expect: tea\r\n\r\n").encode(), 417, "expectation_failed"),
    "a long address": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414, "uri_too_long"),
    "an endless address": (b"GET /" + b"a" * 200_000, 414, "uri_too_long"),
    "a long header": ((GET + f"X: {'a' * 9000}\r\n\r\n").encode(), 431, "headers_too_large"),
    "many headers": ((GET + "X: a\r\n" * 200 + "\r\n").encode(), 431, "headers_too_large"),
    "endless headers": ((GET + f"X: {'a' * 4000}\r\n" * 60).encode(), 431, "headers_too_large"),
    "no such chunk": (
        (POST + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n").encode(),
        400,
        "malformed_request",
    ),
    "a huge length": (
        (POST + f"Content-Length: {'9' * 30}\r\n\r\n{{}}").encode(),
        413,
        "content_too_large",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_is_none_is_told_what_is_wrong(
    quick_server: ServerProcess, name: str
) -> None:
    sent, status, code = REFUSED[name]
    with RawClient(quick_server.port) as client:
        answer = client.send(sent).rest()

    assert (answer.status, answer.problem["code"]) == (status, code)
    assert answer.problem["status"] == status
    assert answer.problem["type"] == f"/api/docs/errors#{code}"
    assert len(answer.problem["detail"]) > 20
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"] == answer.problem["request_id"]
    assert answer.headers["connection"] == "close"


def test_a_refused_request_has_its_line_in_the_log_and_no_traceback(
    quick_server: ServerProcess,
) -> None:
    with RawClient(quick_server.port) as client:
        answer = client.send(b"GET /health HTTP/1.1\r\nbroken\r\n\r\n").rest()

    line = next(
        line for line in quick_server.output().splitlines() if answer.problem["request_id"] in line
    )
    for told in ("request", "/health", "400", "(none)"):
        assert told in line
    assert "Traceback" not in quick_server.output()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (head("GET", "http://localhost/health", "Connection: close"), 200),
        (head("GET", "/health", "Connection: close", "SCRIPT_NAME: /x", "X_Y: z"), 200),
        (head("GET", "/health", "Connection: close", "X-Forwarded-Proto: https"), 200),
        (b"GET /health HTTP/1.0\r\n\r\n", 200),
        (b"\r\nGET /health HTTP/1.0\r\n\r\n", 200),
        (head("OPTIONS", "*", "Connection: close"), 404),
        (head("CONNECT", "localhost:80"), 404),
        (head("PROPFIND", "/health", "Connection: close"), 405),
        (head("GET", "/%00%ff%0a", "Connection: close"), 404),
    ],
)
def test_an_odd_request_is_answered_as_any_other(
    quick_server: ServerProcess, sent: bytes, status: int
) -> None:
    with RawClient(quick_server.port) as client:
        answer = client.send(sent).rest()

    assert answer.status == status
    assert json.loads(answer.body)["status"] in (status, "ok")

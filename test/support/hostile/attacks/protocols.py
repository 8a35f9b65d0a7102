"""Attacks on HTTP itself: chunks, smuggling, and other protocols on the same port."""

from hostile.attack import Attack, Scene, bearer, request
from hostile.wire import CLOSED

SESSIONS = "/api/chat/realtime/sessions"


def _chunked(scene: Scene, number: int) -> bytes:
    headers = bearer(scene.token(number)) | {"Transfer-Encoding": "chunked"}
    return request("POST", SESSIONS, None, headers | {"Content-Type": "application/json"})


def small_chunks(scene: Scene, number: int) -> str:
    """Send a body of 200,000 chunks of one byte."""
    return scene.ask(number, _chunked(scene, number) + b"1\r\n \r\n" * 200_000 + b"0\r\n\r\n")


def slow_chunks(scene: Scene, number: int) -> str:
    """Send chunks of one byte, for ever."""
    wire = scene.wire(number)
    wire.send(_chunked(scene, number))
    return scene.trickle(wire, b"1\r\n \r\n", 0.02)


def endless_extension(scene: Scene, number: int) -> str:
    """Send an extension of a chunk that does not end."""
    wire = scene.wire(number)
    wire.send(_chunked(scene, number) + b"1;")
    return scene.trickle(wire, b"a=b;" * 4000, 0.02)


def endless_trailers(scene: Scene, number: int) -> str:
    """Send trailers that do not end."""
    wire = scene.wire(number)
    wire.send(_chunked(scene, number) + b"2\r\n{}\r\n0\r\n")
    return scene.trickle(wire, b"X-Trailer: x\r\n" * 1000, 0.02)


SMUGGLED = (
    b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n",
    b"Content-Length: 4\r\nContent-Length: 40\r\n\r\n{}  ",
    b"Content-Length: +4\r\n\r\n{}  ",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: 4, 4\r\n\r\n{}  ",
    b"Content-Length: 0x4\r\n\r\n{}  ",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
)


def smuggling(scene: Scene, number: int) -> str:
    """Send a request whose length two servers would read differently."""
    head = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return scene.ask(number, head + SMUGGLED[number % len(SMUGGLED)])


def preface(scene: Scene, number: int) -> str:
    """Begin as HTTP/2 does."""
    settings = b"\0\0\0\x04\0\0\0\0\0"
    return scene.ask(number, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)


HELLO = bytes.fromhex("16030100c4010000c00303") + bytes(range(185))


def tls_hello(scene: Scene, number: int) -> str:
    """Begin as TLS does."""
    wire = scene.wire(number)
    wire.send(HELLO)
    wire.end_sending()
    try:
        return wire.answer(scene.target.deadline + scene.target.patience)
    finally:
        wire.close()


def websocket(scene: Scene, number: int) -> str:
    """Ask for a WebSocket, and send frames of it."""
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    asked = request("GET", "/api/auth/me", None, headers)
    return scene.ask(number, asked + b"\x81\x85\0\0\0\0Hello" * 100)


MALFORMED = {"400 bad_request", "400 malformed_request"}

ATTACKS = (
    Attack(
        name="chunks of one byte",
        does="sends a body of 200,000 chunks of one byte",
        bound="how many chunks a body may have",
        answers=frozenset({"400 malformed_request", "413 content_too_large", CLOSED}),
        act=small_chunks,
        at_once=1,
        pause=1.0,
    ),
    Attack(
        name="slow chunks",
        does="sends chunks of one byte for ever",
        bound="`BODY_TIMEOUT_SECONDS`",
        answers=frozenset({"408 request_timeout"}),
        act=slow_chunks,
    ),
    Attack(
        name="endless extensions",
        does="sends an extension of a chunk that does not end",
        bound="8 KB in a line",
        answers=frozenset({"400 malformed_request", "413 content_too_large", CLOSED}),
        act=endless_extension,
    ),
    Attack(
        name="endless trailers",
        does="sends trailers that do not end",
        bound="trailers of 32 KB",
        answers=frozenset({"400 malformed_request", "413 content_too_large", CLOSED}),
        act=endless_trailers,
    ),
    Attack(
        name="smuggling",
        does="sends requests whose length two servers would read differently",
        bound="one length, as RFC 9112 writes it",
        answers=frozenset(MALFORMED),
        act=smuggling,
        at_once=len(SMUGGLED),
        pause=0.4,
    ),
    Attack(
        name="HTTP/2",
        does="begins as HTTP/2 does",
        bound="HTTP/1.1",
        answers=frozenset({"400 bad_request"}),
        act=preface,
        pause=0.4,
    ),
    Attack(
        name="TLS",
        does="begins as TLS does on the plain port",
        bound="HTTP/1.1",
        answers=frozenset({"400 bad_request"}),
        act=tls_hello,
        pause=0.4,
    ),
    Attack(
        name="WebSocket",
        does="asks for a WebSocket and sends its frames",
        bound="HTTP/1.1",
        answers=frozenset({"400 bad_request"}),
        act=websocket,
        pause=0.4,
    ),
)

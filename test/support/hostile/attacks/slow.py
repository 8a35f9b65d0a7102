"""Attacks by connections that are slow, silent, or half gone."""

import gevent
from hostile.attack import Attack, Scene, as_json, bearer, request
from hostile.wire import CLOSED

DECLARED = 1_200_000
SESSIONS = "/api/chat/realtime/sessions"
LOGIN = "/api/auth/login"


def slow_body(scene: Scene, number: int) -> str:
    """Declare a large body and send one byte of it."""
    wire = scene.wire(number)
    headers = bearer(scene.token(number)) | {"Content-Length": str(DECLARED)}
    wire.send(request("POST", SESSIONS, b"{", headers))
    try:
        return wire.answer(scene.target.deadline + scene.target.patience)
    finally:
        wire.close()


def trickled_body(scene: Scene, number: int) -> str:
    """Declare a large body and send it byte by byte."""
    wire = scene.wire(number)
    headers = bearer(scene.token(number)) | {"Content-Length": str(DECLARED)}
    wire.send(request("POST", SESSIONS, b"{", headers))
    return scene.trickle(wire, b" ")


def slow_head(scene: Scene, number: int) -> str:
    """Send a head byte by byte, without an end."""
    wire = scene.wire(number)
    wire.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    return scene.trickle(wire)


def idle(scene: Scene, number: int) -> str:
    """Connect and say nothing."""
    wire = scene.wire(number)
    try:
        return wire.answer(scene.target.deadline + scene.target.patience)
    finally:
        wire.close()


def idle_after_an_answer(scene: Scene, number: int) -> str:
    """Ask once, and stay."""
    wire = scene.wire(number)
    wire.send(request("GET", "/health"))
    try:
        first = wire.answer(scene.target.patience)
        if first != "200":
            return first
        return wire.answer(scene.target.deadline + scene.target.patience)
    finally:
        wire.close()


def slow_after_refusal(scene: Scene, number: int) -> str:
    """Send the body of a request that was refused by its head, byte by byte, for ever."""
    wire = scene.wire(number)
    wire.send(request("POST", SESSIONS, b"{", {"Content-Length": str(DECLARED)}))
    refusal = wire.answer(scene.target.deadline + scene.target.patience)
    try:
        with gevent.Timeout(scene.target.deadline + scene.target.patience):
            while wire.send(b" "):
                gevent.sleep(0.05)
    except gevent.Timeout:
        return f"{refusal}, and takes the rest for ever"
    else:
        return refusal
    finally:
        wire.close()


def half_closed(scene: Scene, number: int) -> str:
    """Ask, and close the sending half before the answer."""
    wire = scene.wire(number)
    wire.send(request("GET", "/health"))
    wire.end_sending()
    try:
        return wire.answer(scene.target.patience)
    finally:
        wire.close()


def half_body(scene: Scene, number: int) -> str:
    """Close the sending half within a body."""
    wire = scene.wire(number)
    body = as_json({"email": "a@example.org", "password": "none"})
    wire.send(request("POST", LOGIN, body[:10], {"Content-Length": str(len(body))}))
    wire.end_sending()
    try:
        return wire.answer(scene.target.deadline + scene.target.patience)
    finally:
        wire.close()


def resets(scene: Scene, number: int) -> str:
    """Reset a connection within a head, within a body, or before the answer."""
    whole = request("POST", SESSIONS, b"{}", bearer(scene.token(number)))
    cuts = (0, 10, len(whole) - 1, len(whole))
    for cut in cuts:
        wire = scene.wire(number)
        wire.send(whole[:cut])
        wire.close(at_once=True)
    return CLOSED


ATTACKS = (
    Attack(
        name="slow bodies",
        does="declares a body of 1.2 MB and sends one byte of it",
        bound="`BODY_TIMEOUT_SECONDS`",
        answers=frozenset({"408 request_timeout"}),
        act=slow_body,
        at_once=12,
    ),
    Attack(
        name="trickled bodies",
        does="sends a body of 1.2 MB byte by byte",
        bound="`BODY_TIMEOUT_SECONDS`",
        answers=frozenset({"408 request_timeout"}),
        act=trickled_body,
        at_once=12,
    ),
    Attack(
        name="slow heads",
        does="sends a head byte by byte",
        bound="`HEAD_TIMEOUT_SECONDS`",
        answers=frozenset({"408 request_timeout"}),
        act=slow_head,
        at_once=12,
    ),
    Attack(
        name="idle connections",
        does="connects and says nothing",
        bound="`HEAD_TIMEOUT_SECONDS`",
        answers=frozenset({CLOSED}),
        act=idle,
        at_once=12,
    ),
    Attack(
        name="idle after an answer",
        does="asks once and keeps the connection",
        bound="`KEEPALIVE_SECONDS`",
        answers=frozenset({CLOSED}),
        act=idle_after_an_answer,
        at_once=12,
    ),
    Attack(
        name="a body after its refusal",
        does="goes on sending a body that was refused by its head",
        bound="it is heard out for 5 seconds",
        answers=frozenset({"401 unauthorized"}),
        act=slow_after_refusal,
        at_once=12,
    ),
    Attack(
        name="half-closed connections",
        does="closes the sending half before the answer",
        bound="what was asked is answered",
        answers=frozenset({"200"}),
        act=half_closed,
        pause=0.4,
    ),
    Attack(
        name="half a body",
        does="closes the sending half within a body",
        bound="the length that was declared",
        answers=frozenset({"400 malformed_request", "429 rate_limited"}),
        act=half_body,
        pause=0.4,
    ),
    Attack(
        name="resets",
        does="resets connections within heads, within bodies and before answers",
        bound="nothing is kept for who is gone",
        answers=frozenset({CLOSED}),
        act=resets,
        pause=0.1,
    ),
)

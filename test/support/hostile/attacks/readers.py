"""Attacks by readers who read nothing, and by accounts that open all streams there are."""

import gevent
from hostile.attack import Attack, Scene, as_json, bearer, request
from hostile.wire import CLOSED, CUT

WINDOW = 4096
OPEN = "200, unended"
PAGES = 30
"""So many copies of a page that no buffer of the system's holds them all."""


def _take_nothing(scene: Scene, number: int, asked: bytes) -> str:
    wire = scene.wire(number, window=WINDOW)
    wire.send(asked)
    gevent.sleep(scene.target.deadline + 0.5)
    try:
        told = ""
        for _ in range(PAGES):
            told = wire.answer(scene.target.patience)
            if told != "200":
                break
        return told
    finally:
        wire.close()


def unread_pages(scene: Scene, number: int) -> str:
    """Ask for a large page many times, and read nothing."""
    headers = bearer(scene.target.tokens[0])
    return _take_nothing(scene, number, request("GET", scene.target.page, None, headers) * PAGES)


def unread_stream(scene: Scene, number: int) -> str:
    """Have a long answer written, and read nothing of it."""
    body = as_json({"content": f"/slow 0 /echo {'word ' * 19_000}", "provider": "scripted"})
    path = f"{scene.session(number)}/stream"
    return _take_nothing(scene, number, request("POST", path, body, bearer(scene.token(number))))


def grabbed_stream(scene: Scene, number: int) -> str:
    """Open a stream, and hold it until the attack is over."""
    wire = scene.wire(number)
    path = f"{scene.session(number)}/stream"
    body = as_json({"content": "/slow 300 /long 10000", "provider": "scripted"})
    headers = bearer(scene.token(number))
    wire.send(request("POST", path, body, headers))
    try:
        told = wire.answer(1.0)
        if told.startswith("409"):  # the account's other connection was first: read along
            wire.close()
            wire = scene.wire(number)
            wire.send(request("GET", path, None, headers))
            told = wire.answer(1.0)
        if told == OPEN:
            scene.over.wait()
        return told
    finally:
        wire.close()


ATTACKS = (
    Attack(
        name="unread pages",
        does="asks for a large page again and again and reads nothing",
        bound="`SEND_TIMEOUT_SECONDS`",
        answers=frozenset({CUT, CLOSED}),
        act=unread_pages,
        at_once=12,
    ),
    Attack(
        name="unread streams",
        does="has long answers written and reads nothing",
        bound="`SEND_TIMEOUT_SECONDS`",
        answers=frozenset({CUT}),
        act=unread_stream,
        at_once=8,
    ),
    Attack(
        name="all streams",
        does="opens all streams with many accounts",
        bound="`MAX_STREAMS`, shared fairly",
        answers=frozenset({OPEN, "429 too_many_readers", "503 too_many_streams"}),
        act=grabbed_stream,
        at_once=96,
    ),
)

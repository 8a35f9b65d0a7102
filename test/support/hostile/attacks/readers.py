"""Attacks by readers who read nothing, and by accounts that open all streams there are."""

import gevent
from hostile.attack import Attack, Scene, as_json, bearer, request
from hostile.wire import CLOSED, CUT, OPEN

WINDOW = 4096
PAGES = 30
"""So many copies that no buffer between the two ends holds them all."""


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
    """Ask for a long answer many times, and read nothing of it."""
    headers = bearer(scene.target.tokens[0])
    return _take_nothing(scene, number, request("GET", scene.target.run, None, headers) * PAGES)


def grabbed_stream(scene: Scene, number: int) -> str:
    """Open a stream, and hold it until the attack is over."""
    wire = scene.wire(number)
    path = f"{scene.session(number)}/stream"
    body = as_json({"content": "/slow 300 /long 10000", "provider": "scripted"})
    headers = bearer(scene.token(number))
    wire.send(request("POST", path, body, headers))
    try:
        told = wire.answer(scene.target.patience, stays=True)
        if told.startswith("409"):  # the account's other connection was first: read along
            wire.close()
            wire = scene.wire(number)
            wire.send(request("GET", path, None, headers))
            told = wire.answer(scene.target.patience, stays=True)
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
        at_once=4,
    ),
    Attack(
        name="unread streams",
        does="asks for long answers and reads nothing",
        bound="`SEND_TIMEOUT_SECONDS`, `MAX_READERS_PER_USER`",
        answers=frozenset({CUT, CLOSED, "429 too_many_readers"}),
        act=unread_stream,
        at_once=4,
    ),
    Attack(
        name="all streams",
        does="opens all streams with many accounts",
        bound="`MAX_STREAMS`, `NETWORK_SHARE`, `MAX_READERS_PER_USER`",
        answers=frozenset({OPEN, "429 too_many_readers", "503 too_many_streams"}),
        act=grabbed_stream,
        at_once=40,
    ),
)

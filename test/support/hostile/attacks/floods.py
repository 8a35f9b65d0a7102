"""Attacks by many requests that are right."""

import secrets
from urllib.parse import quote

from hostile.attack import Attack, Scene, as_json, bearer, request
from hostile.wire import OPEN

SESSIONS = "/api/chat/realtime/sessions"


def search(scene: Scene, number: int) -> str:
    """Search through all messages of an account with a large page, for what is not there."""
    path = f"{SESSIONS}?q={quote(f'{secrets.token_hex(3)} ' * 20)}"
    return scene.ask(number, request("GET", path, None, bearer(scene.target.tokens[0])))


def queued(scene: Scene, number: int) -> str:
    """Have one user's answers wait for a provider that lets one call out in a minute."""
    headers = bearer(scene.target.tokens[0])
    made = scene.wire(number)
    made.send(request("POST", SESSIONS, b"{}", headers))
    told = made.answer(scene.target.patience)
    if told != "201":
        return told
    session = f"{SESSIONS}/{made.document()['id']}"
    made.close()
    body = as_json({"content": "Hola", "provider": "local", "model": "none"})
    wire = scene.wire(number)
    wire.send(request("POST", f"{session}/stream", body, headers))
    try:
        told = wire.answer(scene.target.patience, stays=True)
    finally:
        wire.close()  # whoever leaves keeps the place
    scene.over.wait()
    scene.ask(number, request("DELETE", session, None, headers))
    return told


def pipelined(scene: Scene, number: int) -> str:
    """Send a thousand requests over one connection without waiting for an answer."""
    wire = scene.wire(number)
    wire.send(request("GET", "/api/auth/me") * 1000)
    try:
        return wire.answer(scene.target.patience)
    finally:
        wire.close()


REFUSED = ("429 queue_full", "429 too_many_readers", "429 too_many_runs")

ATTACKS = (
    Attack(
        name="searches",
        does="searches with many words at once, for what is not there",
        bound="one search of a user at a time",
        answers=frozenset({"200", "422 search_too_broad", "429 search_busy"}),
        act=search,
        pause=0.2,
    ),
    Attack(
        name="a full queue",
        does="fills the queue before a provider as one user",
        bound="`QUEUE_SIZE`, `MAX_ACTIVE_RUNS_PER_USER`",
        answers=frozenset({OPEN, "200", *REFUSED}),
        act=queued,
        at_once=16,
    ),
    Attack(
        name="pipelined requests",
        does="sends a thousand requests without reading an answer",
        bound="one at a time for each connection",
        answers=frozenset({"401 unauthorized"}),
        act=pipelined,
        pause=0.2,
    ),
)

"""Attacks by many requests that are right."""

import secrets
from urllib.parse import quote

from hostile.attack import Attack, Scene, as_json, bearer, request

SESSIONS = "/api/chat/realtime/sessions"


def search(scene: Scene, number: int) -> str:
    """Search through all messages of an account with a large page, for what is not there."""
    path = f"{SESSIONS}?q={quote(f'{secrets.token_hex(3)} ' * 20)}"
    return scene.ask(number, request("GET", path, None, bearer(scene.target.tokens[0])))


def queued(scene: Scene, number: int) -> str:
    """Have one user's answers wait for a provider that takes one call in a minute."""
    headers = bearer(scene.target.tokens[0])
    told = scene.ask(number, request("POST", SESSIONS, b"{}", headers))
    if not told.startswith("201"):
        return told
    body = as_json({"content": "Hola", "provider": "local", "model": "none"})
    wire = scene.wire(number)
    wire.send(request("POST", "/api/chat", body, headers))
    try:
        told = wire.answer(0.3)
        return "queued" if told == "waits" else told
    finally:
        wire.close()


def pipelined(scene: Scene, number: int) -> str:
    """Send a thousand requests over one connection without waiting for an answer."""
    wire = scene.wire(number)
    wire.send(request("GET", "/api/auth/me") * 1000)
    try:
        return wire.answer(scene.target.patience)
    finally:
        wire.close()


ATTACKS = (
    Attack(
        name="searches",
        does="searches with many words at once, for what is not there",
        bound="one search a user, bounded in time",
        answers=frozenset({"200", "429 rate_limited", "503 unavailable"}),
        act=search,
        at_once=8,
        pause=0.2,
    ),
    Attack(
        name="a full queue",
        does="fills the queue before a provider as one user",
        bound="`QUEUE_SIZE`, `MAX_ACTIVE_RUNS_PER_USER`",
        answers=frozenset({"queued", "429 queue_full", "429 too_many_runs", "502 queue_full"}),
        act=queued,
        at_once=30,
    ),
    Attack(
        name="pipelined requests",
        does="sends a thousand requests without reading an answer",
        bound="one at a time a connection",
        answers=frozenset({"401 unauthorized"}),
        act=pipelined,
        pause=0.2,
    ),
)

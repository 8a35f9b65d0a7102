"""Charla as its clients see it: an account, and sessions to send messages to."""

import json
import re
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from hostile.attack import Target

from bench.load import Answer, Ask, send, send_all
from bench.servers import Server

EMAIL, PASSWORD = "bench@example.org", "nine lanterns over the river"
LONG_CHARACTERS = 98_000
DEADLINE_SECONDS, PATIENCE_SECONDS = 30.0, 10.0
"""How long attackers wait for an answer: BODY_TIMEOUT_SECONDS, and some more."""

SETUP_AT_ONCE = 16
SESSIONS = "/api/chat/realtime/sessions"
RUNS = "/api/chat/realtime/runs"


class Account:
    """A user of Charla, who owns everything that the benchmark makes."""

    def __init__(self, charla: Server) -> None:
        """Use this server; `sign_up` comes first."""
        self.server = charla
        self._port = charla.port
        self._token = ""

    async def sign_up(self) -> None:
        """Make the user."""
        person = {"email": EMAIL, "password": PASSWORD}
        answer = await send(Ask(self._port, "/api/auth/register", person))
        self._token = _made(answer)["access_token"]

    async def as_target(self) -> Target:
        """Make what attackers use: a session, and an answer that is long to read."""
        made = _made(await send(Ask(self._port, SESSIONS, {}, self._token)))
        session = f"{SESSIONS}/{made['id']}"
        message = {"content": f"/slow 0 /echo {'x' * LONG_CHARACTERS}", "provider": "scripted"}
        answer = await send(Ask(self._port, f"{session}/stream", message, self._token))
        return Target(
            port=self._port,
            deadline=DEADLINE_SECONDS,
            patience=PATIENCE_SECONDS,
            tokens=(self._token,),
            sessions=(session,),
            page=f"{session}/messages",
            run=f"{RUNS}/{answer.events()[0]['run_id']}/stream",
            email=EMAIL,
            password=PASSWORD,
        )

    async def asks(self, streams: int, model: str, provider: str = "openai") -> list[Ask]:
        """Make a session for each stream, since a session answers one message at a time."""
        new = [Ask(self._port, SESSIONS, {}, self._token)] * streams
        ids = [_made(answer)["id"] for answer in await send_all(new, SETUP_AT_ONCE)]
        message = {"content": "Hola", "model": model, "provider": provider}
        return [Ask(self._port, f"{SESSIONS}/{one}/stream", message, self._token) for one in ids]

    async def resumes(self, streams: int, model: str) -> list[Ask]:
        """Begin so many runs and leave each after its first event; give the requests to read on."""
        begins = [replace(ask, hangs_up=True) for ask in await self.asks(streams, model)]
        begun = await send_all(begins, SETUP_AT_ONCE)
        return [_resumed(self._port, self._token, answer) for answer in begun]


def _resumed(port: int, token: str, begun: Answer) -> Ask:
    ids = re.findall(rb"^id: ((\S+?)\.\S+)\n\n", bytes(begun.raw), re.MULTILINE)
    if not ids:
        raise SystemExit(f"a run did not begin: {begun.failure or bytes(begun.raw)[:500]!r}")
    cursor, run_id = (part.decode() for part in ids[-1])
    return Ask(port, f"{RUNS}/{run_id}/stream", None, token, last_event_id=cursor)


def _made(answer: Answer) -> dict[str, Any]:
    if answer.status != HTTPStatus.CREATED:
        raise SystemExit(f"setup failed: {answer.failure or bytes(answer.raw)[:500]!r}")
    made: dict[str, Any] = json.loads(answer.body)
    return made

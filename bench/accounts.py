"""Charla as its clients see it: an account, and sessions to send messages into."""

import json
from http import HTTPStatus
from typing import Any

from bench.load import Answer, Ask, send, send_all
from bench.servers import Server

SETUP_AT_ONCE = 16
SESSIONS = "/api/chat/realtime/sessions"


class Account:
    """One user of Charla, who owns everything that the benchmark makes."""

    def __init__(self, charla: Server) -> None:
        """Use this server; `sign_up` comes first."""
        self._port = charla.port
        self._token = ""

    async def sign_up(self) -> None:
        """Make the user."""
        person = {"email": "bench@example.org", "password": "correct horse battery staple"}
        answer = await send(Ask(self._port, "/api/auth/register", person))
        self._token = _made(answer)["access_token"]

    async def asks(self, streams: int, model: str) -> list[Ask]:
        """Make a session for each stream, since a session answers one message at a time."""
        new = [Ask(self._port, SESSIONS, {}, self._token)] * streams
        ids = [_made(answer)["id"] for answer in await send_all(new, SETUP_AT_ONCE)]
        message = {"content": "Hola", "model": model}
        return [Ask(self._port, f"{SESSIONS}/{one}/stream", message, self._token) for one in ids]


def _made(answer: Answer) -> dict[str, Any]:
    if answer.status != HTTPStatus.CREATED:
        raise SystemExit(f"setup failed: {answer.failure or bytes(answer.raw)[:500]!r}")
    made: dict[str, Any] = json.loads(answer.body)
    return made

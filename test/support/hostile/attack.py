"""What an attack is, and what the attackers know of their target."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import gevent
from gevent.event import Event
from hostile.wire import WAITS, Wire

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server, and what strangers have got of it.

    That is accounts, a session of each, a large page of messages, and a run with a long answer.
    `deadline` is how long the server waits for what is slow, `patience` how long an attacker waits
    for its answer after that.
    """

    port: int
    deadline: float
    patience: float
    tokens: tuple[str, ...]
    sessions: tuple[str, ...]
    page: str
    run: str
    email: str = ""
    password: str = ""


@dataclass(slots=True)
class Scene:
    """An attack that is under way against a target."""

    target: Target
    over: Event = field(default_factory=Event)

    def wire(self, number: int, *, window: int | None = None) -> Wire:
        """Connect from the address of this attacker; there are 200 addresses."""
        return Wire(self.target.port, address(number), window=window)

    def token(self, number: int) -> str:
        """Give the access token of this attacker's account."""
        return self.target.tokens[number % len(self.target.tokens)]

    def session(self, number: int) -> str:
        """Give the path of a session of this attacker's account."""
        return self.target.sessions[number % len(self.target.sessions)]

    def ask(self, number: int, request: bytes) -> str:
        """Send a request from this attacker's address, and name the answer."""
        wire = self.wire(number)
        try:
            wire.send(request)
            return wire.answer(self.target.patience)
        finally:
            wire.close()

    def trickle(self, wire: Wire, piece: bytes = b"x", pause: float = 0.1) -> str:
        """Send a piece again and again until the server has had enough; name what it says."""
        try:
            with gevent.Timeout(self.target.deadline + self.target.patience):
                while not wire.has_news() and wire.send(piece):
                    gevent.sleep(pause)
        except gevent.Timeout:
            return WAITS
        else:
            return wire.answer(self.target.patience)
        finally:
            wire.close()


Act = Callable[[Scene, int], str]
"""What one attacker does, known by its number; gives the name of what the server did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Something that a stranger tries.

    `does` and `bound` stand in Documentation/security.md, as do `answers`: all that an attacker may
    get. `at_once` attackers act at the same time; if `pause` is given, each of them acts again
    after so many seconds, until the attack is over.
    """

    name: str
    does: str
    bound: str
    answers: frozenset[str]
    act: Act
    at_once: int = 4
    pause: float | None = None

    @property
    def gets(self) -> str:
        """Write down what the attacker gets, as the document does."""
        return ", ".join(_shown(answer) for answer in sorted(self.answers))


def _shown(answer: str) -> str:
    status, _, code = answer.partition(" ")
    return f"{status} `{code}`" if code and status.isdecimal() else answer


def address(number: int) -> str:
    """Give the address of an attacker: 127.0.0.2 and those after it."""
    return f"127.0.0.{2 + number % 200}"


def request(
    method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> bytes:
    """Write down a request; a body without a length of its own gets the right one."""
    fields = {"Host": "localhost", **(headers or {})}
    if body is not None:
        fields = {"Content-Type": JSON, "Content-Length": str(len(body)), **fields}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {what}" for name, what in fields.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def bearer(token: str) -> dict[str, str]:
    """Give the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def as_json(value: object) -> bytes:
    """Write down JSON without blanks."""
    return json.dumps(value, separators=(",", ":")).encode()

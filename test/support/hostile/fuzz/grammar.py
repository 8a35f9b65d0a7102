"""Requests as a stranger may send them: right ones, changed by chance in one to four places."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hostile.fuzz import odd_addresses, odd_bodies, odd_fields, odd_tokens

JSON = "application/json"
DAMAGED = 0.15
"""How often the bytes of a request are damaged after it was written down."""

WITH_A_TOKEN, TWICE = 0.7, 0.3


@dataclass(slots=True)
class Draft:
    """A request before it is written down."""

    method: str
    path: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: object = None
    raw_body: bytes | None = None
    version: str = "HTTP/1.1"

    def written(self) -> bytes:
        """Write it down; its length is right unless a header was changed."""
        body = self.raw_body
        if body is None:
            body = b"" if self.body is None else odd_bodies.dumped(self.body)
        names = {name.lower() for name, _ in self.fields}
        fields = list(self.fields)
        if body and not names & {"content-length", "transfer-encoding"}:
            fields.append(("Content-Length", str(len(body))))
        lines = [f"{self.method} {self.path} {self.version}"]
        lines += [f"{name}: {what}" for name, what in fields]
        head = "\r\n".join(lines).encode("utf-8", "surrogatepass")
        return head + b"\r\n\r\n" + body


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What strangers know: their own token, and ids that belong to them."""

    token: str
    session: str
    run: str
    email: str


class Grammar:
    """Makes requests; the request of a number is the same for each seed."""

    def __init__(self, seed: str, known: Known) -> None:
        """Draw from this seed."""
        self._seed = seed
        self._known = known

    def request(self, number: int) -> bytes:
        """Make the request of this number."""
        chance = random.Random(f"{self._seed}/{number}")  # noqa: S311 - so that it can be repeated
        draft = self._right(chance)
        for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 4))):
            chance.choice(_CHANGES)(chance, draft)
        raw = draft.written()
        return _damaged(chance, raw) if chance.random() < DAMAGED else raw

    def _right(self, chance: random.Random) -> Draft:
        method, path, body = chance.choice(_RIGHT)
        known = self._known
        for name, what in (("{session}", known.session), ("{run}", known.run)):
            path = path.replace(name, what)
        fields = [("Host", "localhost")]
        if chance.random() < WITH_A_TOKEN:
            fields.append(("Authorization", f"Bearer {known.token}"))
        if body is not None:
            fields.append(("Content-Type", JSON))
            body = {**body, "email": known.email} if "email" in body else dict(body)
        return Draft(method, path, fields, body)


_REALTIME = "/api/chat/realtime"
_SESSION = f"{_REALTIME}/sessions/{{session}}"
_ASKS = {"content": "/slow 0 /echo a b", "provider": "scripted", "temperature": 0.5}

_RIGHT: tuple[tuple[str, str, dict[str, object] | None], ...] = (
    ("GET", "/", None),
    ("GET", "/health", None),
    ("GET", "/ready", None),
    ("GET", "/metrics", None),
    ("GET", "/assets/web/main.js", None),
    ("GET", "/api/docs", None),
    ("GET", "/api/docs/errors", None),
    ("GET", "/api/openapi.json", None),
    ("GET", "/api/providers", None),
    ("GET", "/api/providers/scripted/models", None),
    ("POST", "/api/tokens/count", {"text": "one two", "model": "scripted"}),
    ("GET", "/api/auth/me", None),
    ("POST", "/api/auth/login", {"email": "", "password": "wrong horse battery"}),
    ("POST", "/api/auth/register", {"email": "", "password": "short", "name": "Ann"}),
    ("POST", "/api/auth/refresh", {"refresh_token": "none"}),
    ("POST", "/api/auth/password", {"current": "none", "new": "short"}),
    ("POST", "/api/chat", _ASKS),
    ("POST", f"{_REALTIME}/sessions", {"title": "one", "metadata": {"a": [1, "two"]}}),
    ("GET", f"{_REALTIME}/sessions?limit=2&q=one&archived=false", None),
    ("GET", _SESSION, None),
    ("PATCH", _SESSION, {"title": "two", "metadata": {"b": None}}),
    ("DELETE", f"{_REALTIME}/sessions/0190a0a0-0000-7000-8000-000000000000", None),
    ("GET", f"{_SESSION}/messages?limit=2&tree=true", None),
    ("POST", f"{_SESSION}/stream", _ASKS),
    ("GET", f"{_SESSION}/stream?last_event_id=1", None),
    ("GET", f"{_REALTIME}/runs/{{run}}", None),
    ("GET", f"{_REALTIME}/runs/{{run}}/stream", None),
    ("POST", f"{_REALTIME}/runs/{{run}}/stop", None),
)


def _method(chance: random.Random, draft: Draft) -> None:
    draft.method = chance.choice(odd_addresses.METHODS)


def _version(chance: random.Random, draft: Draft) -> None:
    draft.version = chance.choice(odd_addresses.VERSIONS)


def _segment(chance: random.Random, draft: Draft) -> None:
    parts = draft.path.split("/")
    parts[chance.randrange(len(parts))] = chance.choice(odd_addresses.SEGMENTS)
    draft.path = "/".join(parts)


def _address(chance: random.Random, draft: Draft) -> None:
    draft.path = chance.choice(odd_addresses.ADDRESSES).format(path=draft.path)


def _query(chance: random.Random, draft: Draft) -> None:
    mark = "&" if "?" in draft.path else "?"
    draft.path += (
        f"{mark}{chance.choice(odd_addresses.PARAMETERS)}={chance.choice(odd_addresses.SEGMENTS)}"
    )


def _header(chance: random.Random, draft: Draft) -> None:
    name = chance.choice(list(odd_fields.FIELDS))
    what = (name, chance.choice(odd_fields.FIELDS[name]))
    draft.fields = [one for one in draft.fields if one[0] != name or chance.random() < TWICE]
    draft.fields.insert(chance.randint(0, len(draft.fields)), what)


def _odd_header(chance: random.Random, draft: Draft) -> None:
    draft.fields.insert(chance.randint(0, len(draft.fields)), chance.choice(odd_fields.LINES))


def _without_header(chance: random.Random, draft: Draft) -> None:
    if draft.fields:
        draft.fields.pop(chance.randrange(len(draft.fields)))


def _token(chance: random.Random, draft: Draft) -> None:
    kept = [one for one in draft.fields if one[0] != "Authorization"]
    good = dict(draft.fields).get("Authorization", "Bearer a.b.c").removeprefix("Bearer ")
    draft.fields = [*kept, ("Authorization", f"Bearer {odd_tokens.token(chance, good)}")]


def _value(chance: random.Random, draft: Draft) -> None:
    if isinstance(draft.body, dict) and draft.body:
        draft.body[chance.choice(list(draft.body))] = chance.choice(odd_bodies.VALUES)


def _name(chance: random.Random, draft: Draft) -> None:
    if isinstance(draft.body, dict):
        draft.body[chance.choice(odd_bodies.NAMES)] = chance.choice(odd_bodies.VALUES)


def _without_name(chance: random.Random, draft: Draft) -> None:
    if isinstance(draft.body, dict) and draft.body:
        del draft.body[chance.choice(list(draft.body))]


def _other_body(chance: random.Random, draft: Draft) -> None:
    draft.body = chance.choice(odd_bodies.VALUES)


def _raw_body(chance: random.Random, draft: Draft) -> None:
    draft.raw_body = chance.choice(odd_bodies.BODIES)


def _chunked(chance: random.Random, draft: Draft) -> None:
    body = draft.raw_body or json.dumps("a").encode()
    if draft.raw_body is None and draft.body is not None:
        body = odd_bodies.dumped(draft.body)
    size = chance.choice((1, 3, len(body) or 1))
    pieces = [body[at : at + size] for at in range(0, min(len(body), 500), size)]
    end = chance.choice((b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"0\r\n", b"-1\r\n", b""))
    draft.raw_body = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces) + end
    draft.fields.append(("Transfer-Encoding", "chunked"))


def _damaged(chance: random.Random, raw: bytes) -> bytes:
    at = chance.randrange(len(raw) + 1)
    to = min(len(raw), at + chance.randint(1, 20))
    by_chance = bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
    return chance.choice(
        (
            raw[:at],
            raw[:at] + by_chance + raw[at:],
            raw[:at] + by_chance + raw[to:],
            raw[:at] + raw[at:to] * 3 + raw[to:],
            raw + raw[at:],
            raw.replace(b"\r\n", b"\n"),
            raw.replace(b"\r\n", b"\r"),
            by_chance + raw,
        )
    )


_Change = Callable[[random.Random, Draft], None]
_CHANGES: tuple[_Change, ...] = (
    *(_method, _version, _segment, _segment, _address, _query, _query),
    *(_header, _header, _header, _odd_header, _without_header, _token, _token),
    *(_value, _value, _value, _name, _without_name, _other_body, _raw_body, _chunked),
)

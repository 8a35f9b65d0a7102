"""Attacks by bodies that cost more to read than to send."""

from collections.abc import Callable

from hostile.attack import Act, Attack, Scene, as_json, bearer, request
from hostile.wire import CLOSED

SESSIONS = "/api/chat/realtime/sessions"
LOGIN = "/api/auth/login"
NAMES = 115_000
OBJECTS = 400_000
DEPTH = 200_000
DIGITS = 1_000_000


def unknown_names() -> bytes:
    """Give names that no schema knows."""
    return b"{" + b",".join(b'"%d":1' % number for number in range(NAMES)) + b"}"


def empty_objects() -> bytes:
    """Give metadata that weighs little and is made of many objects."""
    return b'{"metadata":{"a":[' + b",".join([b"{}"] * OBJECTS) + b"]}}"


def deep_lists() -> bytes:
    """Give lists within lists."""
    return b'{"metadata":{"a":' + b"[" * DEPTH + b"]" * DEPTH + b"}}"


def huge_number() -> bytes:
    """Give a number with a million digits."""
    return b'{"metadata":{"a":' + b"9" * DIGITS + b"}}"


def same_names() -> bytes:
    """Give one name again and again."""
    return b"{" + b",".join([b'"title":"x"'] * (NAMES // 2)) + b"}"


def escapes() -> bytes:
    """Give a text in which each letter is escaped."""
    return b'{"title":"' + b"\\u0041" * (DIGITS // 6) + b'"}'


def _sends(made: Callable[[], bytes]) -> Act:
    body: list[bytes] = []

    def act(scene: Scene, number: int) -> str:
        if not body:
            body.append(made())
        headers = bearer(scene.token(number))
        return scene.ask(number, request("POST", SESSIONS, body[0], headers))

    return act


def large_login(scene: Scene, number: int) -> str:
    """Send a megabyte where an address and a password belong."""
    body = as_json({"email": "a@example.org", "password": "x" * 1_000_000})
    return scene.ask(number, request("POST", LOGIN, body))


def _attack(name: str, does: str, bound: str, answers: set[str], act: Act) -> Attack:
    return Attack(
        name=name,
        does=does,
        bound=bound,
        answers=frozenset(answers),
        act=act,
        at_once=1,
        pause=1.0,
    )


TOO_LARGE = {"413 content_too_large", CLOSED}
INVALID = {"422 invalid_request"}
MALFORMED = {"400 malformed_request"}

ATTACKS = (
    _attack(
        "unknown names",
        "sends 115,000 unknown names",
        "how many names and values a body may hold",
        TOO_LARGE | INVALID,
        _sends(unknown_names),
    ),
    _attack(
        "empty objects",
        "sends metadata of 400,000 empty objects",
        "the same",
        TOO_LARGE | INVALID,
        _sends(empty_objects),
    ),
    _attack(
        "deep nesting",
        "sends 200,000 lists within lists",
        "how deep JSON may be nested",
        TOO_LARGE | INVALID | MALFORMED,
        _sends(deep_lists),
    ),
    _attack(
        "huge numbers",
        "sends a number of a million digits",
        "how many digits a number may have",
        TOO_LARGE | INVALID | MALFORMED,
        _sends(huge_number),
    ),
    _attack(
        "one name for ever",
        "sends one name 57,500 times",
        "how many names and values a body may hold",
        TOO_LARGE | INVALID | {"429 rate_limited"},
        _sends(same_names),
    ),
    _attack(
        "escaped letters",
        "sends a title of 166,666 escaped letters",
        "the length of a title",
        TOO_LARGE | INVALID,
        _sends(escapes),
    ),
    _attack(
        "large logins",
        "logs in with a password of 1 MB",
        "bodies of 16 KB below `/api/auth`",
        TOO_LARGE | INVALID | {"429 rate_limited"},
        large_login,
    ),
)

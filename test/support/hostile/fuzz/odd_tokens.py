"""Odd access tokens."""

import base64
import random

from hostile.fuzz.odd_bodies import dumped


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(dumped(value)).decode().rstrip("=")


_HEADERS: tuple[object, ...] = (
    *(
        [],
        {},
        None,
        "a",
        1,
        {"alg": None},
        {"alg": []},
        {"alg": "none"},
        {"alg": {}},
        {"alg": "HS256"},
    ),
    *(
        {"alg": "RS256", "kid": []},
        {"alg": "ES256", "kid": {}},
        {"alg": "ES256", "kid": "\0"},
        {"alg": 1},
    ),
    *({"alg": "HS256", "typ": []}, {"alg": "HS256", "crit": "a"}, {"alg": "HS256", "b64": False}),
    *(
        {"alg": "HS256", "jwk": {}},
        {"alg": "HS256", "jku": "http://127.0.0.1:9/"},
        {"alg": "a" * 999},
    ),
    *(
        {"alg": "RS256", "kid": "a" * 900},
        {"alg": "HS256", "kid": 1e308},
        {"alg": True},
        {"alg": "\ud800"},
    ),
)
_CLAIMS: tuple[object, ...] = (
    *(
        {},
        [],
        None,
        "a",
        1,
        {"iss": []},
        {"iss": {}},
        {"iss": None, "sub": 1},
        {"exp": "a"},
        {"exp": []},
    ),
    *(
        {"exp": float("inf")},
        {"exp": 10**400},
        {"exp": -1},
        {"aud": {}},
        {"aud": [[]]},
        {"nbf": "a"},
    ),
    *(
        {"sub": "\0"},
        {"sub": ["a"]},
        {"jti": {}},
        {"type": []},
        {"iss": "charla", "sub": {}},
        {"iat": "\ud800"},
    ),
    *({"iss": "http://127.0.0.1:9/auth/v1", "role": "authenticated"}, {"role": []}, {"exp": True}),
)
_PIECES = ("", "=", "====", "a", "\u00e9", "e30", "-_-", "A" * 3000)


def token(chance: random.Random, good: str) -> str:
    """Make a token of odd parts, or change a good one."""
    changes = (_odd_header, _odd_claims, _all_odd, _odd_piece, _other_count, _other_letter)
    return chance.choice(changes)(chance, good)


def _parts(good: str) -> list[str]:
    return [*good.split("."), "", "", ""][:3]


def _odd_header(chance: random.Random, good: str) -> str:
    return ".".join([_part(chance.choice(_HEADERS)), *_parts(good)[1:]])


def _odd_claims(chance: random.Random, good: str) -> str:
    header, _, signature = _parts(good)
    return ".".join([header, _part(chance.choice(_CLAIMS)), signature])


def _all_odd(chance: random.Random, good: str) -> str:
    return _odd_claims(chance, _odd_header(chance, good))


def _odd_piece(chance: random.Random, good: str) -> str:
    parts = _parts(good)
    parts[chance.randrange(3)] = chance.choice(_PIECES)
    return ".".join(parts)


def _other_count(chance: random.Random, good: str) -> str:
    return ".".join(_parts(good)[: chance.randrange(3)] + ["a"] * chance.choice((0, 1, 2, 300)))


def _other_letter(chance: random.Random, good: str) -> str:
    at = chance.randrange(len(good) or 1)
    return good[:at] + chance.choice("Aa0-_.=") + good[at + 1 :]

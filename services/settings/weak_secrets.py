"""What can be seen to be no secret: published examples, sequences, repeats, words of tutorials."""

import base64
import binascii
import hashlib
import hmac
import json
import re
from itertools import pairwise
from string import ascii_lowercase, digits

MIN_SECRET_CHARS = 32
"""256 bits as hex would be 64; 32 characters is the least that HS256 (RFC 7518, 3.2) allows."""

_MIN_VARIETY = 8
"""Fewer different characters, or steps between them, than this is a filler such as 000...0."""

_MIN_LEFT = 16
"""So many characters must be left beyond words and runs; of 32 random ones about 30 are."""

_MIN_SIGNS = 11
"""More kinds of signs than a row of digits has with shift. Of 32 random signs about 20 differ."""

_MIN_RUN = 4
"""Of a random secret hardly any four characters stand in the order of a keyboard or an alphabet."""

PUBLISHED_SIGNING_SECRETS = (
    "your-super-secret-jwt-token-with-at-least-32-characters-long",
    "super-secret-jwt-token-with-at-least-32-characters-long",
)
"""What Supabase's guides for self-hosting and its CLI come with."""

PUBLISHED_DIGESTS = frozenset(
    {
        "c85debb55f2f204d868cc1552c42faa143b4c675f61363ab040dd50b5b5304cd",
        "570dad43de1af4c925f92c16a68a50936da42b7dd6fdeb24850507a1199aac89",
        "2598f7d6adc142d88161630f3db12ab2bd3403521c281811e5e1ce60d4ac5d76",
    }
)
"""SHA-256 of examples that look random: those of Supabase's CLI, FastAPI's and Flask's guides."""

_DEMO_ISSUER = "supabase-demo"
"""The `iss` of the keys in Supabase's guides."""

_WORDS = re.compile(
    """
    abc|all|and|any|apikey|app|auth|base64|battery|bearer|bit|byte|changeit|changeme|change
    |character|charla|char|correct|default|demo|development|dev|django|enter|example|fill|flask|for
    |generated|generate|here|hex|horse|hmac|insecure|its|jwt|key|least|length|letmein|local|long
    |make|master|metrics|minimum|min|more|must|not|openssl|passphrase|password|placeholder|please
    |private|production|prod|put|random|rand|replace|repo|secret|secure|server|service|should
    |signing|staple|string|supabase|super|testing|test|text|that|them|then|the|this|token|used|use
    |value|very|with|xxxx|your
    """,
    re.VERBOSE,
)
"""Words of tutorials and examples; what is made of such words only is no secret."""

_ROWS = (
    ascii_lowercase * 2,
    digits * 2,
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
)
_RUNS = (*_ROWS, *(row[::-1] for row in _ROWS))


def weakness(secret: str) -> str | None:
    """Tell what is wrong with a secret for production; None: nothing that can be seen."""
    plain = "".join(char for char in secret.casefold() if char.isalnum())
    beyond_words = _without_words(plain)
    others = _others(secret)
    is_made_of_words = beyond_words != plain and len(beyond_words) + others < _MIN_LEFT
    if is_published(secret) or is_made_of_words:
        return "The secret is a published example, or is made of the words of one."
    if len(secret) < MIN_SECRET_CHARS:
        return f"The secret has {len(secret)} characters; it needs {MIN_SECRET_CHARS}."
    if len(set(secret)) < _MIN_VARIETY or _repeats(secret):
        return "The secret repeats a few characters only."
    if _steps(secret) < _MIN_VARIETY or len(_without_runs(beyond_words)) + others < _MIN_LEFT:
        return "The secret is a sequence, of an alphabet or of a keyboard."
    return None


def _others(secret: str) -> int:
    """Count what is no letter and no digit: each kind once, unless there are many kinds."""
    signs = [char for char in secret if not char.isalnum()]
    kinds = len(set(signs))
    return kinds if kinds < _MIN_SIGNS else len(signs)


def is_published(secret: str) -> bool:
    """Tell whether everybody can read this value in a guide."""
    digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
    return secret in PUBLISHED_SIGNING_SECRETS or digest in PUBLISHED_DIGESTS


def is_published_key(key: str) -> bool:
    """Tell whether everybody has a project's key, or can make it: the guides' secret signs it."""
    if is_published(key):
        return True
    parts = key.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - a JWT's
        return False
    try:
        claims = json.loads(_decoded(parts[1]))
        signature = _decoded(parts[2])
    except (ValueError, binascii.Error):
        return False
    if isinstance(claims, dict) and claims.get("iss") == _DEMO_ISSUER:
        return True
    signed = f"{parts[0]}.{parts[1]}".encode()
    return any(
        hmac.compare_digest(hmac.digest(secret.encode(), signed, "sha256"), signature)
        for secret in PUBLISHED_SIGNING_SECRETS
    )


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _without_words(plain: str) -> str:
    return _WORDS.sub("", plain)


def _without_runs(text: str) -> str:
    """Leave one character of each run along an alphabet or a row of keys, or of one character."""
    left = []
    place = 0
    while place < len(text):
        left.append(text[place])
        run = _run_at(text, place)
        place += run if run >= _MIN_RUN else 1
    return "".join(left)


def _run_at(text: str, place: int) -> int:
    longest = len(text) - place - len(text[place:].lstrip(text[place]))
    for row in _RUNS:
        length = longest + 1
        while place + length <= len(text) and text[place : place + length] in row:
            longest, length = length, length + 1
    return longest


def _repeats(secret: str) -> bool:
    """Tell whether a part that is too short for a secret comes again and again."""
    longest = min(len(secret) // 2, MIN_SECRET_CHARS - 1)
    return any(
        secret == (secret[:length] * len(secret))[: len(secret)] for length in range(1, longest + 1)
    )


def _steps(secret: str) -> int:
    """Count the different distances from a character to the next."""
    return len({ord(after) - ord(before) for before, after in pairwise(secret)})

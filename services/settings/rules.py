"""What single values must look like; each rule raises ValidationError with the reason."""

import base64
import json
from pathlib import Path
from urllib.parse import urlsplit

from limits import parse_many
from marshmallow import ValidationError

from services.redis.address import TLS_FILES, parse

WELL_KNOWN_SECRETS = frozenset(
    {
        "change-me",
        "change-this",
        "changeme",
        "charla",
        "default",
        "dev",
        "dev-secret",
        "insecure",
        "jwt-secret",
        "jwt-secret-key",
        "password",
        "please-change-me",
        "replace-me",
        "secret",
        "secret-key",
        "super-secret",
        "supersecret",
        "test",
        "your-jwt-secret",
        "your-jwt-secret-key",
        "your-secret-key",
    }
)
"""Words of tutorials and examples; a secret that is made of such words only is no secret."""

MIN_SECRET_CHARS = 32
"""256 bits as hex would be 64; 32 characters is the least that HS256 (RFC 7518, 3.2) allows."""

MIN_SECRET_VARIETY = 8
"""Fewer different characters than this is a filler such as 000...0, not a secret."""


def base_url(value: str) -> None:
    """Accept an absolute http(s) URL without credentials, query or fragment."""
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError as exc:
        raise ValidationError(f"Not a URL: {exc}.") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        raise ValidationError("Not an absolute http or https URL.")
    if parts.username or parts.password:
        raise ValidationError("Credentials do not belong into a URL: it is written to logs.")
    if parts.query or parts.fragment:
        raise ValidationError("A base URL has no query and no fragment.")


def base_urls(value: str) -> None:
    """Accept base URLs, separated by commas."""
    for part in value.split(","):
        base_url(part.strip())


def keys(value: str) -> None:
    """Accept keys, separated by commas; none of them is ever shown."""
    parts = [part.strip() for part in value.split(",")]
    if not all(parts):
        raise ValidationError("There is an empty key between two commas.")
    if not all(part.isascii() and part.isprintable() and " " not in part for part in parts):
        raise ValidationError("A key has a character that no key has, such as a space or a dash.")


def failover(value: str) -> None:
    """Accept `none`, or providers and models by commas; the catalog knows their names."""
    parts = [part.strip() for part in value.split(",")]
    if not all(parts):
        raise ValidationError("There is nothing between two commas.")
    if "none" in parts and len(parts) > 1:
        raise ValidationError("`none` stands alone.")


def redis_url(value: str) -> None:
    """Accept the URL of a Redis or of Sentinels; a password in it is never shown."""
    try:
        address = parse(value)
    except ValueError as exc:
        raise ValidationError(str(exc)) from exc
    for name in TLS_FILES:
        file = (address.tls or {}).get(name)
        if isinstance(file, str) and not Path(file).is_file():
            raise ValidationError(f"{name} names no file that can be read here.")


def service_key(value: str) -> None:
    """Refuse a key that is plainly for browsers: every request with it would be refused."""
    if value.startswith("sb_publishable_") or _claimed_role(value) == "anon":
        raise ValidationError("This is the project's public key, which may do next to nothing.")


def _claimed_role(token: str) -> object:
    """Read the role that a JWT claims; None: it is no JWT, or claims no role."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims.get("role")
    except (IndexError, ValueError, AttributeError):
        return None


def rate_limits(value: str) -> None:
    """Accept one or several limits in flask-limiter's notation."""
    try:
        parsed = parse_many(value)
    except ValueError as exc:
        raise ValidationError(f"{value!r} is not a rate limit.") from exc
    if any(limit.amount < 1 for limit in parsed):
        raise ValidationError("A limit of zero lets nobody in.")


def origin(value: str) -> None:
    """Accept `scheme://host[:port]`, with `*` for any port, or `null` (a page from a file)."""
    if value == "null":
        return
    if "*" in value.removesuffix(":*"):
        raise ValidationError(
            "A wildcard would let every web page use a signed-in user's tokens; name each origin."
        )
    try:
        parts = urlsplit(value.removesuffix(":*"))
        rebuilt = f"{parts.scheme}://{parts.netloc}"
    except ValueError as exc:
        raise ValidationError(f"{value!r} is not an origin: {exc}.") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValidationError(f"{value!r} is not an origin.")
    if rebuilt != value.removesuffix(":*"):
        raise ValidationError(f"{value!r} is more than an origin: write {rebuilt}.")


def is_weak_secret(secret: str) -> str | None:
    """Tell what is wrong with a secret for production; None: nothing that can be seen."""
    if not _beyond_well_known(secret):
        return "The secret is a well-known default."
    if len(secret) < MIN_SECRET_CHARS:
        return f"The secret has {len(secret)} characters; it needs {MIN_SECRET_CHARS}."
    if len(set(secret)) < MIN_SECRET_VARIETY:
        return "The secret repeats a few characters only."
    return None


def _beyond_well_known(secret: str) -> str:
    """Give what is left of a secret without the words of examples."""
    left = _plain(secret)
    for word in sorted({_plain(known) for known in WELL_KNOWN_SECRETS}, key=len, reverse=True):
        left = left.replace(word, "")
    return left


def _plain(secret: str) -> str:
    return "".join(char for char in secret.casefold() if char.isalnum())

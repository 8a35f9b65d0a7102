"""What single values must look like; each rule raises ValidationError with the reason."""

import base64
import json
from pathlib import Path
from urllib.parse import urlsplit

from limits import parse_many
from marshmallow import ValidationError

from services.domain.callers.proxies import TrustedProxies
from services.redis.address import TLS_FILES, parse


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


def token(value: str) -> None:
    """Accept what can stand in a header after `Bearer`."""
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValidationError("A token has only characters that a header may have, and no space.")


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
    """Refuse a key that is plainly for browsers or of a user: every call would be refused."""
    role = _claimed_role(value)
    if value.startswith("sb_publishable_") or role == "anon":
        raise ValidationError("This is the project's public key, which may do next to nothing.")
    if role is not None and role != "service_role":
        raise ValidationError(f"This is a key of the role {str(role)[:40]!r}, not service_role.")


def _claimed_role(token: str) -> object:
    """Read the role that a JWT claims; None: it is no JWT, or claims no role."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims.get("role")
    except (IndexError, ValueError, AttributeError):
        return None


def trusted_proxies(value: str) -> None:
    """Accept a number of proxies, or their addresses and networks."""
    try:
        TrustedProxies.parse(value)
    except ValueError as exc:
        raise ValidationError(str(exc)) from exc


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

"""Idempotency-Key: by sending the same key, a client says that two requests are the same."""

import hashlib
import json

from flask import request

from routes.hooks.parsing import present_body
from services.domain.errors.requests import InvalidRequest
from services.domain.runs import IdempotencyKey
from services.domain.users import Caller

HEADER = "Idempotency-Key"
MAX_CHARS = 255
KEY_FORM = {
    "type": "string",
    "pattern": f"^[ -~]{{1,{MAX_CHARS}}}$",
    "description": "A repeat with the same key and body answers with what the first request made.",
}


def idempotency_key(caller: Caller) -> IdempotencyKey | None:
    """Read the key of the present request, scoped by user, method and path; None: it has none.

    The body counts as parsed JSON: order of members and white space make no difference.
    """
    key = sent_key()
    if key is None:
        return None
    canonical = json.dumps(present_body(), sort_keys=True, separators=(",", ":"))
    scope = f"{caller.user_id}\n{request.method}\n{request.path}\n{key}"
    return IdempotencyKey(_sha256(scope), _sha256(canonical))


def sent_key() -> str | None:
    """Read the key of the present request as it was sent; None: it has none."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_CHARS or not key.isascii() or not key.isprintable():
        text = f"1 to {MAX_CHARS} printable ASCII characters, a UUID for example."
        raise InvalidRequest(f"{HEADER}: {text}", {HEADER: [text]})
    return key


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

"""What a Supabase project answers when it does not do what it was asked, and what that means here.

Errors are told apart by class, never by text: PostgREST's codes, PostgreSQL's SQLSTATE and the
status. Hosted versions are newer than the tested one.
"""

from collections.abc import Generator
from contextlib import contextmanager

import httpx
import msgspec

from services.domain.errors.outages import StoreUnavailable

GATEWAY_STATUS = frozenset({502, 503, 504})
"""The gateway, or PostgREST behind it, could not reach the next server."""

_KEY_STATUS = frozenset({401, 403})
_KEY_CODES = frozenset({"42501", "PGRST300", "PGRST301", "PGRST302", "PGRST303"})
_SCHEMA_CODES = frozenset({"PGRST202", "PGRST203", "PGRST204", "PGRST205"})
_TRANSIENT_CODES = frozenset({"40001", "40P01", "57P01", "57P02", "57P03"})

_CANCELLED = "57014"

KEY_REFUSED = (
    "The Supabase project refuses SUPABASE_KEY, or its grants are missing:"
    " `flask --app app check-supabase` tells which."
)
SCHEMA_MISSING = (
    "The Supabase project does not have this release's schema: apply supabase/migrations"
    " (`supabase db push`)."
)


class BrokenConstraint(Exception):
    """The database refuses a value: a mistake of the caller; nothing was written."""


class CancelledCall(StoreUnavailable):
    """The database ended a call whose time was over; nothing was written."""


class RefusedCall(Exception):
    """An answer with a status other than success; the cause of the error that is raised for it."""

    def __init__(self, status: int, code: str) -> None:
        """Keep what tells the classes of errors apart."""
        super().__init__(f"status {status}, code {code or 'unknown'}")
        self.status = status
        self.code = code

    @property
    def is_transient(self) -> bool:
        """Tell whether the same call may succeed a moment later."""
        return self.status in GATEWAY_STATUS or self.code in _TRANSIENT_CODES


class _Problem(msgspec.Struct):
    code: str | None = None


def refused(status: int, content: bytes) -> RefusedCall:
    """Read an answer with a status other than success; a gateway's own answer may be any text."""
    try:
        problem = msgspec.json.decode(content, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = _Problem()
    return RefusedCall(status, problem.code or "")


@contextmanager
def supabase_errors() -> Generator[None, None, None]:
    """Turn the errors of httpx and PostgREST into StoreUnavailable, or into BrokenConstraint."""
    try:
        yield
    except RefusedCall as exc:
        raise _meaning(exc) from exc
    except (httpx.HTTPError, msgspec.DecodeError) as exc:
        raise StoreUnavailable from exc


def _meaning(refusal: RefusedCall) -> Exception:
    code = refusal.code
    if code.startswith(("22", "23")):
        return BrokenConstraint(f"The database refused a value ({code}).")
    if code == _CANCELLED:
        return CancelledCall()
    if code in _KEY_CODES:
        return StoreUnavailable(KEY_REFUSED)
    if code in _SCHEMA_CODES or (code.startswith("42") and not code.startswith("PGRST")):
        return StoreUnavailable(SCHEMA_MISSING)
    if refusal.status in _KEY_STATUS:
        return StoreUnavailable(KEY_REFUSED)
    return StoreUnavailable()

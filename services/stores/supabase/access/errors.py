"""What a Supabase project answers when it does not do what it was asked, and what that means here.

Errors are told apart by class, never by text: PostgREST's codes, PostgreSQL's SQLSTATE and the
status. Hosted versions are newer than the tested one.
"""

from collections.abc import Generator
from contextlib import contextmanager

import httpx
import msgspec

from services.domain.certificates import refused_certificate
from services.domain.errors.outages import StoreUnavailable

UNSENT_STATUS = frozenset({521, 523, 525, 530})
"""Cloudflare, before a hosted project, did not get to it: refused, no way, no TLS, no name."""

GATEWAY_STATUS = frozenset({502, 503, 504, 520, 522, 524}) | UNSENT_STATUS
"""The gateway, or PostgREST behind it, could not reach the next server, or got no answer there."""

_KEY_STATUS = frozenset({401, 403})
_KEY_CODES = frozenset({"42501", "PGRST300", "PGRST301", "PGRST302", "PGRST303"})
_SCHEMA_CODES = frozenset({"PGRST202", "PGRST203", "PGRST204", "PGRST205"})
_TRANSIENT_CODES = frozenset({"40001", "40P01", "57P01", "57P02", "57P03"})

_CANCELLED = "57014"
DATABASE_REASONS = {
    "25006": "The database of the Supabase project is read-only, as it is when its disk is full.",
    "53100": "The disk of the Supabase project's database is full.",
    "53200": "The database of the Supabase project is out of memory.",
    "53300": "The database of the Supabase project has too many connections.",
    "57014": "The database of the Supabase project ended a call that took too long.",
    "XX001": "The database of the Supabase project is damaged.",
    "XX002": "The database of the Supabase project is damaged.",
}
"""What PostgreSQL's SQLSTATE means for an operator."""

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
    def was_unsent(self) -> bool:
        """Tell whether the call cannot have got to the database."""
        return self.status in UNSENT_STATUS and not self.code

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
    except httpx.HTTPError as exc:
        reason = refused_certificate(exc) or f"{type(exc).__name__}: {exc}"
        raise StoreUnavailable(reason=f"Supabase cannot be reached. {reason}") from exc
    except msgspec.DecodeError as exc:
        reason = "What answers at SUPABASE_URL does not answer as a Supabase project does."
        raise StoreUnavailable(reason=reason) from exc


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
    told = DATABASE_REASONS.get(code, "The Supabase project cannot work.")
    return StoreUnavailable(reason=f"{told} ({refusal})")

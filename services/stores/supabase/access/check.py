"""Says in sentences what a Supabase project lacks; never shows the key."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec.json import Decoder

from services.domain.certificates import refused_certificate
from services.domain.errors.outages import StoreUnavailable
from services.stores.supabase.access.connection import Connection, ConnectionLimits
from services.stores.supabase.access.errors import DATABASE_REASONS, SCHEMA_MISSING, RefusedCall

MIGRATIONS = (
    "20261121090000",
    "20261121090100",
    "20261121090200",
    "20261121090300",
    "20261121090400",
    "20261121090500",
    "20261121090600",
    "20261121090700",
    "20261121090800",
    "20261121090900",
    "20261121091000",
    "20261121091100",
    "20261122120000",
    "20261123090000",
    "20261130090000",
    "20261130100000",
    "20261130110000",
    "20261130110001",
    "20261130120000",
    "20261130130000",
    "20261130140000",
)
"""The files of `supabase/migrations` that this release needs."""

CLOCK_SECONDS = 30.0
"""JWTs are accepted with this much leeway."""

_PUSH = "Apply supabase/migrations to the project: `supabase db push`."
_CLOSE = "Run the revokes of supabase/migrations again, or take the grant back in the SQL editor."
_OPEN = "Run the grants of supabase/migrations again in the SQL editor."
_TAKE_URL = "Set SUPABASE_URL to the project's address, such as https://<ref>.supabase.co."
_TAKE_KEY = (
    "Set SUPABASE_KEY to the project's secret key (`sb_secret_...`, or `service_role` among the"
    " legacy keys), from Project Settings, API Keys."
)

_DEVIATIONS = {
    "table_missing": ("The table {} is missing.", _PUSH),
    "rls_off": (
        "Row level security is off for the table {}: whoever is granted it reads everybody's rows.",
        "Run `alter table public.{} enable row level security` in the SQL editor.",
    ),
    "table_closed": ("The server may not read and write the table {}.", _OPEN),
    "table_open": ("More than the server may use a table: {}.", _CLOSE),
    "column_open": ("A column is open that should not be: {}.", _CLOSE),
    "column_closed": ("A user's own token may not select the column {}.", _OPEN),
    "policy_unknown": (
        "There is a policy that the migrations do not make: {}.",
        "Drop it, unless you know that it shows nobody another user's rows.",
    ),
    "policy_missing": ("The policy {} is missing or was changed.", _PUSH),
    "function_missing": ("The function {} is missing.", _PUSH),
    "function_closed": ("The server may not call the function {}.", _OPEN),
    "function_open": ("More than the server may call a function: {}.", _CLOSE),
    "function_loose": (
        "The function {} has no fixed search_path.",
        "Run its file of supabase/migrations again in the SQL editor.",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked; `fix` says what to do if it is not as it should be.

    Only a finding that `blocks` keeps a server from working.
    """

    is_ok: bool
    text: str
    fix: str = ""
    blocks: bool = False


class _Deviation(NamedTuple):
    kind: str
    what: str


class _Status(msgspec.Struct):
    now: datetime
    migrations: list[str]
    deviations: list[_Deviation]


class _Claims(msgspec.Struct):
    role: str = ""
    exp: float | None = None


_STATUS: Decoder[_Status] = Decoder(_Status)


def check(url: str, key: str, limits: ConnectionLimits | None = None) -> list[Finding]:
    """Look at a project: address, key, migrations, grants, row level security, clock.

    Checks that depend on one that failed are left out.
    """
    wrong = _wrong_url(url) or _wrong_key(key)
    if wrong is not None:
        return [wrong]
    connection = Connection(
        url, key, limits or ConnectionLimits(connections=1, reserved_connections=0)
    )
    try:
        status = connection.ask("charla_status", {}, _STATUS)
    except StoreUnavailable as exc:
        return list(_unanswered(url, exc))
    finally:
        connection.close()
    return [*_answered(url), *_of_status(status)]


def _answered(url: str) -> Iterator[Finding]:
    yield Finding(is_ok=True, text=f"{url} answers.")
    yield Finding(is_ok=True, text="The project takes SUPABASE_KEY as its secret key.")


def _of_status(status: _Status) -> Iterator[Finding]:
    missing = [version for version in MIGRATIONS if version not in status.migrations]
    if missing:
        text = f"These migrations are not applied: {', '.join(missing)}."
        yield Finding(is_ok=False, text=text, fix=_PUSH, blocks=True)
    else:
        yield Finding(is_ok=True, text="All migrations are applied.")
    for found in status.deviations:
        text, fix = _DEVIATIONS.get(found.kind, (f"{found.kind}: {{}}.", _PUSH))
        yield Finding(is_ok=False, text=text.format(found.what), fix=fix.format(found.what))
    if not status.deviations:
        text = "Tables, functions, grants and row level security are as the migrations make them."
        yield Finding(is_ok=True, text=text)
    yield _clock(status.now)


def _clock(database: datetime) -> Finding:
    seconds = abs((datetime.now(UTC) - database).total_seconds())
    if seconds <= CLOCK_SECONDS:
        return Finding(is_ok=True, text="The clocks of this machine and of the database agree.")
    text = f"This machine's clock and the database's are {seconds:.0f} s apart."
    return Finding(is_ok=False, text=text, fix="Let this machine keep its time by NTP.")


def _unanswered(url: str, error: StoreUnavailable) -> Iterator[Finding]:
    cause = error.__cause__
    if not isinstance(cause, RefusedCall):
        yield _no_gateway(url, cause)
    elif error.detail == SCHEMA_MISSING:
        yield from _answered(url)
        text = "The project does not have the migrations."
        yield Finding(is_ok=False, text=text, fix=_PUSH, blocks=True)
    elif cause.code == "42501":
        yield Finding(is_ok=True, text=f"{url} answers.")
        text = "The project takes SUPABASE_KEY, but not as a key that may call the functions."
        yield Finding(is_ok=False, text=text, fix=f"{_TAKE_KEY} If it is: {_OPEN}")
    elif error.detail != StoreUnavailable.title:
        yield Finding(is_ok=True, text=f"{url} answers.")
        yield Finding(is_ok=False, text="The project refuses SUPABASE_KEY.", fix=_TAKE_KEY)
    elif cause.status >= httpx.codes.INTERNAL_SERVER_ERROR or cause.code in DATABASE_REASONS:
        text = f"{url} answers, but not the database behind it. {error.reason}"
        fix = "Look at the project's status in the dashboard: paused, restarting, out of disk?"
        yield Finding(is_ok=False, text=text, fix=fix)
    else:
        text = f"{url} answers, but not as a Supabase project does ({cause})."
        yield Finding(is_ok=False, text=text, fix=_TAKE_URL)


def _no_gateway(url: str, cause: BaseException | None) -> Finding:
    if refused := refused_certificate(cause):
        return Finding(is_ok=False, text=f"There is no connection to {url}.", fix=refused)
    match cause:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.UnsupportedProtocol():
            text = f"There is no connection to {url}."
        case httpx.TimeoutException():
            text = f"{url} does not answer in time."
        case msgspec.DecodeError():
            text = f"{url} answers, but not as a Supabase project does."
        case _:
            text = f"{url} breaks the connection."
    return Finding(is_ok=False, text=text, fix=_TAKE_URL)


def _wrong_url(url: str) -> Finding | None:
    try:
        address = urlsplit(url)
        is_address = address.scheme in {"http", "https"} and bool(address.hostname)
    except ValueError:
        is_address = False
    if is_address:
        return None
    return Finding(is_ok=False, text="SUPABASE_URL is not an address.", fix=_TAKE_URL)


def _wrong_key(key: str) -> Finding | None:
    """Say what is wrong with a key without asking the project; None: only the project can tell."""
    if not key.isascii() or not key.isprintable() or not key:
        return Finding(is_ok=False, text="SUPABASE_KEY is not a key.", fix=_TAKE_KEY)
    if key.startswith("sb_publishable_"):
        return Finding(
            is_ok=False, text="SUPABASE_KEY is the project's publishable key.", fix=_TAKE_KEY
        )
    claims = _claims_of(key)
    if claims is None:
        return None
    if claims.role != "service_role":
        text = f"SUPABASE_KEY is a key of the role {claims.role!r}, not `service_role`."
        return Finding(is_ok=False, text=text, fix=_TAKE_KEY)
    if claims.exp is not None and claims.exp < datetime.now(UTC).timestamp():
        return Finding(is_ok=False, text="SUPABASE_KEY has expired.", fix=_TAKE_KEY)
    return None


def _claims_of(key: str) -> _Claims | None:
    _, _, rest = key.partition(".")
    payload, _, signature = rest.partition(".")
    if not payload or not signature:
        return None
    try:
        padded = payload.encode("ascii") + b"=" * (-len(payload) % 4)
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=_Claims)
    except (ValueError, binascii.Error):
        return None

"""Accounts and callers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

EXAMPLE_PASSWORDS = ("correct horse battery staple", "correct horse battery staple again")
"""The passwords of the documents: everybody knows them."""


class Role(StrEnum):
    """What an account may do in its tenant."""

    ADMIN = "admin"
    MEMBER = "member"


class RegistrationPolicy(StrEnum):
    """Who may make an account."""

    OPEN = "open"
    INVITE = "invite"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account; `email` is kept as it was typed, and compared as mail servers do."""

    id: str
    tenant_id: str
    email: str
    name: str | None
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalUser:
    """An account that another system manages, as the access token describes it.

    `id` alone identifies it. `email` and `name` are for display: they do not link it to an account
    of this server that has the same.
    """

    id: str
    tenant_id: str
    email: str | None
    name: str | None
    role: Role
    manager: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request: the result of authentication, and all that a use case knows of it.

    `login_id` is the login (family of refresh tokens) that the access token came from. `external`
    is the account where another system manages it; the logins of such an account are not known
    here. `address` is where the request came from; empty: from nowhere in the network.
    """

    user_id: str
    tenant_id: str
    role: Role
    login_id: str
    external: ExternalUser | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """Whose a token is, and until when (Unix time, in seconds) it counts; leeway is included."""

    caller: Caller
    good_until: float

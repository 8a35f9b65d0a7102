"""Accounts and callers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What an account may do in its tenant."""

    ADMIN = "admin"
    MEMBER = "member"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account; `email` as it was typed, compared without case."""

    id: str
    tenant_id: str
    email: str
    name: str | None
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request: the result of authentication, and all that a use case may know of it.

    `login_id` is the login (family of refresh tokens) that the access token came from.
    """

    user_id: str
    tenant_id: str
    role: Role
    login_id: str

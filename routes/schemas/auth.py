"""Accounts and logins on the wire."""

from typing import Any

import marshmallow as ma
from marshmallow import validate

from routes.schemas.fields import EmailAddress, Text
from services.domain.users import EXAMPLE_PASSWORDS, RegistrationPolicy, Role

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 128
"""Room for a long sentence; without a limit, hashing could be used to keep the server busy."""

MAX_NAME_CHARS = 100
MAX_TOKEN_CHARS = 4096
MAX_LINK_TOKEN_CHARS = 256

ADDRESS = {"example": "ann@example.org"}
PASSWORD, NEW_PASSWORD = EXAMPLE_PASSWORDS
BEHIND = "What stands behind `#reset=` in the link."
KNOWN_TO_ALL = (
    "What is guessed first is refused: common passwords, rows of characters, the address or the "
    "name; in production the example too, which everybody knows."
)


def new_password(example: str) -> Text:
    """Make the field of a password that is chosen now."""
    return Text(
        low=MIN_PASSWORD_CHARS,
        high=MAX_PASSWORD_CHARS,
        required=True,
        load_only=True,
        metadata={"example": example, "description": KNOWN_TO_ALL},
    )


def one_time_token(**options: Any) -> Text:
    """Make the field of a one-time link's token."""
    return Text(low=1, high=MAX_LINK_TOKEN_CHARS, load_only=True, **options)


def known_password() -> Text:
    """Make the field of a password that was chosen before, maybe under other rules."""
    return Text(
        low=1,
        high=MAX_PASSWORD_CHARS,
        required=True,
        load_only=True,
        metadata={"example": PASSWORD},
    )


class RegistrationSchema(ma.Schema):
    """A new account."""

    email = EmailAddress(required=True, metadata=ADDRESS)
    password = new_password(PASSWORD)
    name = Text(
        high=MAX_NAME_CHARS, load_default=None, allow_none=True, metadata={"example": "Ann"}
    )

    invite = one_time_token(
        load_default=None,
        allow_none=True,
        metadata={"description": "The token of an invitation, where registration needs one."},
    )


class RegistrationStateSchema(ma.Schema):
    """Who may make an account: anybody, whoever has an invitation, or nobody."""

    registration = ma.fields.Enum(RegistrationPolicy, by_value=True, required=True)


class PasswordResetSchema(ma.Schema):
    """A password that is chosen by a one-time link."""

    token = one_time_token(
        required=True, metadata={"example": "the token of the link", "description": BEHIND}
    )
    password = new_password(PASSWORD)


class LoginSchema(ma.Schema):
    """A login with e-mail address and password."""

    email = EmailAddress(required=True, metadata=ADDRESS)
    password = known_password()


class RefreshSchema(ma.Schema):
    """The token that continues a login; it is good once."""

    refresh_token = Text(
        low=1,
        high=MAX_TOKEN_CHARS,
        required=True,
        metadata={"example": "the refresh_token of a login"},
    )


class PasswordChangeSchema(ma.Schema):
    """A change of the password."""

    current = known_password()
    new = new_password(NEW_PASSWORD)


class UserSchema(ma.Schema):
    """An account."""

    id = ma.fields.String(required=True, metadata={"format": "uuid"})
    email = ma.fields.String(required=True)
    name = ma.fields.String(required=True, allow_none=True)
    tenant_id = ma.fields.String(required=True, metadata={"format": "uuid"})
    role = ma.fields.Enum(Role, by_value=True, required=True)


class MeSchema(UserSchema):
    """The caller's account; one of Supabase Auth may have no address."""

    email = ma.fields.String(required=True, allow_none=True)


class TokensSchema(ma.Schema):
    """The two tokens of a login; `expires_in` are the seconds that the access token is good."""

    access_token = ma.fields.String(required=True)
    refresh_token = ma.fields.String(required=True)
    token_type = ma.fields.String(required=True, validate=validate.Equal("Bearer"))
    expires_in = ma.fields.Integer(required=True)
    user = ma.fields.Nested(UserSchema, required=True)

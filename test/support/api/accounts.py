"""A user who is logged in, for tests of the HTTP API."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

PASSWORD = "seven quiet rivers run north"


@dataclass(frozen=True, slots=True)
class Account:
    """An account with the tokens of its first login."""

    email: str
    tokens: dict[str, Any]

    @property
    def id(self) -> str:
        """Give the user's id."""
        return str(self.tokens["user"]["id"])

    @property
    def headers(self) -> dict[str, str]:
        """Give the headers of a request of this user."""
        return bearer(self.tokens["access_token"])


MakeApp = Callable[..., Flask]
Register = Callable[..., Account]


def bearer(token: str) -> dict[str, str]:
    """Give the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def sign_up(client: FlaskClient, email: str = "ann@example.org", **more: str) -> Account:
    """Make an account."""
    body = {"email": email, "password": PASSWORD, **more}
    response = client.post("/api/auth/register", json=body)
    assert response.status_code == 201, response.text
    return Account(email, response.get_json())

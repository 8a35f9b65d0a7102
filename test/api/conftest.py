"""The whole application over its embedded adapters, called without a network."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from services.settings import Settings

PASSWORD = "correct horse battery staple"
CHEAP_HASH = "1024"
"""KiB: the least that the settings take, since these tests make many accounts."""

MakeApp = Callable[..., Flask]
Register = Callable[..., "Account"]


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who is logged in."""

    email: str
    password: str
    tokens: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.tokens["user"]["id"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[MakeApp]:
    """Build applications with settings of their own: `make_app(RATE_LIMIT_AI="1 per hour")`.

    Their runs live in this process. Login and registration are not limited unless asked for.
    """
    with ExitStack() as stack:

        def make(**environ: str) -> Flask:
            folder = tmp_path / f"data-{len(list(tmp_path.iterdir()))}"
            freely = {"RATE_LIMIT_LOGIN": "10000 per hour", "RATE_LIMIT_REGISTER": "10000 per hour"}
            given = {"DATA_DIR": str(folder), "PASSWORD_HASH_MEMORY_KIB": CHEAP_HASH, **freely}
            app = create_app(Settings.load({**given, **environ}))
            services = app.extensions["charla"]
            stack.callback(services.close)
            services.start()
            return app

        yield make


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """Give an application with default settings."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Give a client of the application."""
    return app.test_client()


@pytest.fixture
def register(client: FlaskClient) -> Register:
    """Make accounts: `register("ann@example.org")`."""

    def make(email: str = "ann@example.org", password: str = PASSWORD, **more: str) -> Account:
        body = {"email": email, "password": password, **more}
        response = client.post("/api/auth/register", json=body)
        assert response.status_code == 201, response.text
        return Account(email, password, response.get_json())

    return make


@pytest.fixture
def account(register: Register) -> Account:
    """Give somebody who is logged in."""
    return register()

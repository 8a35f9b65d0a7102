"""The whole application on both columns, called without a network."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from api.accounts import Account, MakeApp, Register, sign_up
from api.calls import ApiUser
from flask import Flask
from flask.testing import FlaskClient
from stack.columns import Column

from app import create_app
from services.settings.load import load_settings
from services.worker import life

FOR_TESTS = {
    "PASSWORD_HASH_MEMORY_KIB": "1024",  # the cheapest: these tests make many accounts
    "RATE_LIMIT_LOGIN": "10000 per hour",
    "RATE_LIMIT_REGISTER": "10000 per hour",
    "LOG_LEVEL": "warning",
}


@pytest.fixture
def make_app(column: Column, tmp_path: Path) -> Iterator[MakeApp]:
    """Build applications with settings of their own: `make_app(RATE_LIMIT_AI="1 per hour")`.

    Their runs live in this process. Login and registration are not limited unless asked for.
    """
    column.empty()
    with ExitStack() as stack:

        def make(**environ: str) -> Flask:
            folder = tmp_path / f"data-{len(list(tmp_path.iterdir()))}"
            given = {"DATA_DIR": str(folder), **FOR_TESTS, **column.settings, **environ}
            app = create_app(load_settings(given))
            services = app.extensions["charla"]
            stack.callback(life.end, services)
            life.start(services)
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
    return partial(sign_up, client)


@pytest.fixture
def account(register: Register) -> Account:
    """Give the account of a user who is logged in."""
    return register()


@pytest.fixture
def ann(client: FlaskClient, account: Account) -> ApiUser:
    """Give the calls of a user who is logged in."""
    return ApiUser(client, account)


@pytest.fixture
def bob(ann: ApiUser) -> ApiUser:
    """Give the calls of another user."""
    return ApiUser(ann.client, sign_up(ann.client, "bob@example.org"))

"""The application with a project of Supabase Auth, whose users may call."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from api.key_server import PATH, KeyServer
from api.supabase_users import EC, RSA, SESSION_ID, THEIRS, USER_ID, Claims, MakeSupabaseApp
from flask import Flask
from flask.testing import FlaskClient
from worlds.other_parts import app_with

from services.identity.key_set import KeySet, KeySetTimes
from services.identity.supabase_tokens import SupabaseRules, SupabaseTokens
from services.worker.services import Services


@pytest.fixture
def project() -> Iterator[KeyServer]:
    """Give a project that signs with two keys."""
    with KeyServer(EC, RSA) as server:
        yield server


@pytest.fixture
def make_supabase_app(project: KeyServer, tmp_path: Path) -> Iterator[MakeSupabaseApp]:
    """Build the application over the embedded store, with users of the project."""
    with ExitStack() as stack:

        def make(secret: str | None = THEIRS, leeway: float = 30, **more: Any) -> Flask:
            def parts(services: Services) -> dict[str, Any]:
                rules = SupabaseRules(url=project.url, secret=secret, leeway_seconds=leeway, **more)
                keys = KeySet(project.url + PATH, KeySetTimes(fetch=2, pause=3600))
                tokens = SupabaseTokens(rules, keys, services.store.users.tenant_id)
                return {"identity": replace(services.identity, supabase_tokens=tokens)}

            return stack.enter_context(app_with(parts, tmp_path))

        yield make


@pytest.fixture
def client(make_supabase_app: MakeSupabaseApp) -> FlaskClient:
    """Give a client of the application."""
    return make_supabase_app().test_client()


@pytest.fixture
def claims(project: KeyServer) -> Claims:
    """Give what a token of Supabase Auth says."""
    now = int(time.time())
    return {
        "iss": f"{project.url}/auth/v1",
        "sub": USER_ID,
        "aud": "authenticated",
        "exp": now + 3600,
        "iat": now,
        "email": "ann@example.org",
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {"full_name": "Ann of Supabase"},
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": now}],
        "session_id": SESSION_ID,
        "is_anonymous": False,
    }

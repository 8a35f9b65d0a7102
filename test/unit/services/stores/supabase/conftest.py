"""The Supabase store on a real stack, and on a server that answers as a test wants."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from stack.rest_server import RestServer
from stack.supabase_stack import SupabaseStack
from worlds.stores import new_id, new_session

from services.domain.sessions import Session
from services.stores.supabase.access.connection import ConnectionLimits
from services.stores.supabase.store import SupabaseStore

KEY = "a-key-that-no-message-may-show"


@pytest.fixture
def store(supabase: SupabaseStack) -> Iterator[SupabaseStore]:
    """Give a store on an empty database."""
    limits = ConnectionLimits(connections=4, reserved_connections=2)
    with closing(SupabaseStore(supabase.url, supabase.service_key, limits)) as store:
        yield store


@pytest.fixture
def session(store: SupabaseStore) -> Session:
    """Give an empty session."""
    return store.sessions.create(new_session(new_id()))


@pytest.fixture
def server() -> Iterator[RestServer]:
    """Give a server that stands for a project."""
    with RestServer() as server:
        yield server


@pytest.fixture
def store_of_server(server: RestServer) -> Iterator[SupabaseStore]:
    """Give a store on that server."""
    limits = ConnectionLimits(
        connections=2, reserved_connections=1, timeout_seconds=1, pauses_seconds=(0.001,) * 4
    )
    with closing(SupabaseStore(server.url, KEY, limits)) as store:
        yield store

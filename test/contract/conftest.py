"""Every adapter of a contract, handed to the one suite that holds for all of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from stack.supabase_adapter import supabase_adapter
from wires.model_lists import ModelLists, model_lists
from wires.subjects import Subject, subject_of
from worlds.stores import SQLITE, StoreAdapter, new_id, new_session

from services.domain.sessions import Session
from services.stores.base.store import Store


@pytest.fixture(params=["sqlite", "supabase"])
def store_adapter(request: pytest.FixtureRequest) -> StoreAdapter:
    """Give each implementation of the store in turn, on an empty database."""
    if request.param == "sqlite":
        return SQLITE
    return supabase_adapter(request.getfixturevalue("supabase"))


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """Give the provider that a test names."""
    made = subject_of(request.param, request.getfixturevalue)
    yield made
    made.provider.close()


@pytest.fixture
def lists() -> Iterator[ModelLists]:
    """Give a server that lists models."""
    with model_lists() as made:
        yield made


@pytest.fixture
def open_store(store_adapter: StoreAdapter, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Open the test's database once more, as another worker or after a restart."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(store_adapter.open(tmp_path / "data")))


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    """Give an empty store."""
    return open_store()


@pytest.fixture
def user_id() -> str:
    """Give the id of a user."""
    return new_id()


@pytest.fixture
def session(store: Store, user_id: str) -> Session:
    """Give an empty session of the user."""
    return store.sessions.create(new_session(user_id))


@pytest.fixture
def broken_constraint(store_adapter: StoreAdapter) -> type[Exception]:
    """Give what the store raises when a caller breaks a constraint of the database."""
    return store_adapter.broken_constraint

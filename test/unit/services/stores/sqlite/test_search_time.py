"""A search of the embedded database that takes too long."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from worlds.stores import new_id, new_session

from services.domain.errors.requests import SearchTooBroad
from services.domain.sessions import SessionFilter
from services.stores.base.bounds import Bounds
from services.stores.sqlite.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Give a store whose searches have no time."""
    with closing(SqliteStore.open(tmp_path, Bounds(search_seconds=0))) as store:
        yield store


def test_it_is_ended_and_what_comes_after_it_is_not(store: SqliteStore) -> None:
    user_id, words = new_id(), " ".join(f"no{n}" for n in range(32))
    for n in range(500):
        store.sessions.create(new_session(user_id, title=" ".join(["no0"] * 20) + f" {n}"))

    with pytest.raises(SearchTooBroad) as refusal:
        store.sessions.list(user_id, SessionFilter(limit=50, query=words))

    assert set(refusal.value.errors) == {"q"}
    assert store.sessions.list(user_id, SessionFilter(limit=1, query="no0")).items
    store.runs.purge(new_session(user_id).created_at)
    assert len(store.sessions.list(user_id, SessionFilter(limit=50)).items) == 50

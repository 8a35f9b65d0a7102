"""A server that refuses, one for all tests here."""

from collections.abc import Iterator

import pytest
from reports.refusing_server import RefusingServer, refusing


@pytest.fixture(scope="session")
def shared() -> Iterator[RefusingServer]:
    """Run the server."""
    with refusing() as server:
        yield server


@pytest.fixture
def upstream(shared: RefusingServer) -> Iterator[RefusingServer]:
    """Give the server, which refuses nothing yet."""
    shared.refuse(lambda _: None)
    yield shared
    shared.refuse(lambda _: None)

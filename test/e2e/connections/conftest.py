"""One embedded server for all: a connection has nothing to do with where data is kept."""

from collections.abc import Iterator

import pytest
from stack.server_process import ServerProcess

QUICK = {
    "RATE_LIMIT_ENABLED": "false",  # all accounts come from one address
    "HEAD_TIMEOUT_SECONDS": "1",
    "BODY_TIMEOUT_SECONDS": "1",
    "SEND_TIMEOUT_SECONDS": "1",
    "KEEPALIVE_SECONDS": "2",
    "MIN_BYTES_PER_SECOND": "1000",
}


@pytest.fixture(scope="session")
def quick_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Start a server that waits for nobody longer than a second."""
    with ServerProcess(tmp_path_factory.mktemp("quick"), QUICK) as server:
        yield server

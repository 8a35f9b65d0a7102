"""What every test has: free ports and the real server, and `no_skips`."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from stack.server_process import ServerProcess, StartServer, find_free_port

pytest_plugins = [
    "no_skips",
    "xdist_groups",
    "wires.fixtures",
    "stack.fixtures",
    "stack.columns",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let who has time ask for more than a normal run does."""
    parser.addoption(
        "--torture-rounds", type=int, default=2, help="how often torture kills the server"
    )
    parser.addoption(
        "--torture-kills",
        type=int,
        default=0,
        help="how many workers torture kills by chance, with all other faults between",
    )
    parser.addoption(
        "--fault-rounds", type=int, default=1, help="how often each fault of a provider happens"
    )
    parser.addoption("--torture-seed", help="repeats what torture drew by chance")
    parser.addoption(
        "--hostile-long",
        action="store_true",
        help="each attack alone, with more attackers, and 20,000 odd requests",
    )
    parser.addoption(
        "--hostile-seed", default="charla", help="what the odd requests of strangers are drawn from"
    )
    parser.addoption(
        "--fuzz-examples",
        type=int,
        help="how many random requests each operation of the API gets; without it a few, "
        "always the same",
    )


@pytest.fixture
def free_port() -> int:
    """Give a port that nobody listens on."""
    return find_free_port()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start real servers with settings of their own; they end with the test."""
    with ExitStack() as running:

        def start(settings: Mapping[str, str] | None = None) -> ServerProcess:
            folder = tmp_path / f"server-{len(list(tmp_path.iterdir()))}"
            return running.enter_context(ServerProcess(folder, settings))

        yield start


@pytest.fixture
def server(start_server: StartServer) -> ServerProcess:
    """Start a real server as a new user would: nothing set."""
    return start_server()

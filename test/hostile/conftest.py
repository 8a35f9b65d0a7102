"""One server that is attacked, with everybody who is there."""

from collections.abc import Iterator

import pytest
from hostile.attackers import Attackers
from hostile.ground import SETTINGS, Ground, strangers
from stack.server_process import ServerProcess


@pytest.fixture(scope="session")
def is_long(pytestconfig: pytest.Config) -> bool:
    """Tell whether there is time for more attackers, and for each attack alone."""
    return bool(pytestconfig.getoption("--hostile-long"))


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Start the server."""
    with ServerProcess(tmp_path_factory.mktemp("hostile"), SETTINGS) as server:
        yield server


@pytest.fixture(scope="session")
def ground(attacked: ServerProcess) -> Iterator[Ground]:
    """Give the server with a good user, and attackers who wait for their orders."""
    with Attackers(strangers(attacked)) as attackers:
        yield Ground(attacked, attackers)

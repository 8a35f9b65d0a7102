"""A call in a process whose environment tries to configure an SDK."""

import subprocess
import sys
from collections.abc import Mapping

from wires.calls import KEY
from wires.fixtures import WireServer


def assert_changes_nothing(
    env: Mapping[str, str], wire: WireServer, kind: str, base_url: str
) -> None:
    """Call with `env` set: the call arrives with our key, and without any value of `env`.

    Every value of `env` that could go out has "environment" in it.
    """
    code = f"""
import sys
sys.path[:] = {sys.path}
from wires.calls import ask, provider_of
from wires.subjects import model_of
print(ask(provider_of({kind!r}, {base_url!r}, models=(model_of({kind!r}),))).ending)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )

    assert run.stdout.endswith("stop\n"), run.stderr
    headers = wire.seen()["headers"]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["accept-encoding"] == "identity"
    assert not any("environment" in value for value in headers.values())

"""Many workers, killed at any moment, over a Redis and a PostgreSQL that are broken beside."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from stack.fixtures import MakeRedis, MakeSupabase
from torture.cluster import Cluster
from torture.faults import FaultKind
from torture.rounds import Torture
from torture.store import workers_on_record
from torture.weather import Script, by_chance

WORKERS = (2, 1, 1)

SHORT: Script = [
    (1.0, FaultKind.KILL_WORKER, 0.0),
    (1.5, FaultKind.KILL_REDIS, 1.0),
    (0.2, FaultKind.KILL_WORKER, 0.0),
    (2.0, FaultKind.STOP_POSTGRES, 2.5),
    (1.0, FaultKind.KILL_WORKER, 0.0),
    (3.0, FaultKind.KILL_SERVER, 0.0),
    (0.5, FaultKind.GATEWAY_503, 1.0),
]

ROUND_SECONDS = 20.0
PAUSE_SECONDS = (0.1, 1.5)
WEIGHTS = {
    FaultKind.KILL_WORKER: 12.0,
    FaultKind.KILL_SERVER: 2.0,
    FaultKind.RESTART_SERVER: 1.0,
    FaultKind.PAUSE_WORKER: 2.0,
    FaultKind.KILL_REDIS: 2.0,
    FaultKind.PAUSE_REDIS: 1.0,
    FaultKind.FLUSH_REDIS: 0.5,
    FaultKind.STOP_POSTGRES: 1.0,
    FaultKind.GATEWAY_503: 2.0,
    FaultKind.HANG_GATEWAY: 1.0,
}


@pytest.fixture
def cluster(
    tmp_path: Path, make_supabase: MakeSupabase, make_redis: MakeRedis
) -> Iterator[Cluster]:
    """Start three servers over a Supabase and a Redis of their own."""
    with ExitStack() as running:
        made = Cluster(tmp_path, make_supabase(), make_redis(append_only=True), WORKERS)
        running.callback(made.kill)
        made.start()
        yield made


@pytest.mark.timeout(7200)  # the long form; the short one takes less than a minute
def test_whatever_dies_all_that_was_told_is_true_and_all_that_was_taken_ends(
    cluster: Cluster, pytestconfig: pytest.Config, capfd: pytest.CaptureFixture[str]
) -> None:
    kills: int = pytestconfig.getoption("--torture-kills")
    seed: str = pytestconfig.getoption("--torture-seed") or secrets.token_hex(4)

    def say(line: str) -> None:
        """Tell who waits for the long form how far it is."""
        with ExitStack() as shown:
            if kills:
                shown.enter_context(capfd.disabled())
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    say(f"\nTo repeat it: --torture-kills {kills} --torture-seed {seed}")
    torture = Torture(cluster, seed, say)
    torture.round("short", SHORT)
    number = 0
    while torture.faults.kills < kills:
        number += 1
        script = by_chance(f"{seed}/{number}", ROUND_SECONDS, WEIGHTS, PAUSE_SECONDS)
        torture.round(str(number), script)
    torture.finish()
    statuses = cluster.stop()

    assert torture.problems == []
    assert torture.ends["complete"], torture.ends
    assert torture.ends["interrupted"], torture.ends
    assert statuses == [0] * len(WORKERS)
    assert workers_on_record(cluster.stack) == {}

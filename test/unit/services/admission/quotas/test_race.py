"""In no span of time are there ever more calls upstream than the quota allows."""

import json
import subprocess
import sys

import pytest
from source_tree import ROOT, SUPPORT
from worlds.quota_race import QUOTA, SPAN

CALLS = 200

Call = tuple[float, int]


def race(processes: int, workers: int, *where: str) -> list[Call]:
    """Race in several processes; give all calls in order."""
    command = [
        sys.executable,
        "-m",
        "gevent.monkey",
        str(SUPPORT / "worlds" / "quota_race.py"),
        str(workers),
    ]
    running = [
        subprocess.Popen(
            [*command, str(CALLS // processes), *where],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        )
        for _ in range(processes)
    ]
    told = [process.communicate(timeout=100)[0] for process in running]
    return sorted(tuple(call) for output in told for call in json.loads(output))


def most_in_a_span(calls: list[Call]) -> tuple[int, int]:
    """Give the most requests and the most tokens that any span has."""
    spans = [
        [tokens for at, tokens in calls if begin <= at < begin + 0.999 * SPAN] for begin, _ in calls
    ]
    return max(map(len, spans)), max(map(sum, spans))


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_no_span_has_more_than_the_quota(kind: str, request: pytest.FixtureRequest) -> None:
    if kind == "memory":
        calls = race(1, 1)
    else:
        calls = race(2, 3, request.getfixturevalue("redis_server").url)

    assert len(calls) == CALLS
    assert QUOTA.requests is not None
    assert QUOTA.tokens is not None
    requests, tokens = most_in_a_span(calls)
    assert QUOTA.requests / 2 < requests <= QUOTA.requests
    assert QUOTA.tokens / 2 < tokens <= QUOTA.tokens

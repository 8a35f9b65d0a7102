"""Every adapter in a process that gevent has patched, as the server's is."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from source_tree import ROOT, SUPPORT
from wires.fixtures import WireServer
from wires.subjects import KINDS

LONGEST_PAUSE_SECONDS = 2.0
"""A blocking call would hold up all others for as long as they take together: 20 seconds."""

# One process makes all calls, so a single worker of pytest runs it.
pytestmark = pytest.mark.xdist_group("patched calls")


@pytest.fixture(scope="module")
def patched(wire: WireServer) -> dict[str, Any]:
    """Make calls in a process of their own that gevent has patched, as the server's is."""
    run = subprocess.run(
        [sys.executable, "-m", "gevent.monkey", SUPPORT / "wires" / "patched_calls.py", wire.url],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{SUPPORT}", "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""
    told: dict[str, Any] = json.loads(run.stdout)
    return told


every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_under_gevent_silence_ends_a_stream_in_time(patched: dict[str, Any], kind: str) -> None:
    ending, is_whole, seconds = patched[kind]["stall"]

    assert ending == "upstream_timeout"
    assert is_whole
    assert 0.4 <= seconds < 3
    assert patched[kind]["live after a stall"] == 0


def test_under_gevent_silence_ends_a_stream_in_tls_as_well(patched: dict[str, Any]) -> None:
    assert patched["stall in TLS"] == "ReadTimeout"


@every_kind
def test_under_gevent_no_read_is_made_in_vain(patched: dict[str, Any], kind: str) -> None:
    assert patched[kind]["waits before it reads"]
    assert patched["waits before it reads in TLS"]


@every_kind
def test_under_gevent_a_ping_is_no_silence_and_a_kill_closes_at_once(
    patched: dict[str, Any], kind: str
) -> None:
    assert patched[kind]["pings end"] is False
    assert patched[kind]["live after a kill"] == 0


@every_kind
def test_under_gevent_a_hundred_streams_are_whole_and_their_connections_serve_again(
    patched: dict[str, Any], kind: str
) -> None:
    assert patched[kind]["complete"] == 100
    assert patched[kind]["new connections"] == 0


@every_kind
def test_under_gevent_a_hundred_streams_hold_nobody_else_up(
    patched: dict[str, Any], kind: str
) -> None:
    assert patched[kind]["longest pause"] < LONGEST_PAUSE_SECONDS

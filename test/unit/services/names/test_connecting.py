"""The look-up of a name belongs to the time that a connection has."""

import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest
from name_server.server import HANGS, NameServer
from source_tree import ROOT
from stack.server_process import find_free_port

from services.names.connecting import connect

IN_A_WORKER = """
from gevent import monkey
monkey.patch_all()
import time, urllib3
from services.names.connecting import connect, serve_names, timed_pools
serve_names()

def ask(name):
    began = time.monotonic()
    try:
        connect(name, PORT, 0.3).close()
        told = "connected"
    except OSError as exc:
        told = type(exc).__name__
    print(name, told, time.monotonic() - began < 2)

for name in ("here.test", "hangs.test", "unknown.test", "127.0.0.1"):
    ask(name)
pools = timed_pools()
try:
    pools.urlopen("GET", f"http://hangs.test:{PORT}", retries=False, timeout=0.3)
except urllib3.exceptions.HTTPError as exc:
    print(type(exc).__name__)
try:
    pools.urlopen("GET", f"http://unknown.test:{PORT}", retries=False, timeout=0.3)
except urllib3.exceptions.HTTPError as exc:
    print(type(exc).__name__)
"""


def test_a_connection_is_there_in_time_or_fails_in_time() -> None:
    with (
        NameServer({"here.test": "127.0.0.1", "hangs.test": HANGS}) as names,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        ran = subprocess.run(
            [sys.executable, "-c", IN_A_WORKER.replace("PORT", str(server.getsockname()[1]))],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", **names.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    assert ran.stdout.splitlines() == [
        "here.test connected True",
        "hangs.test LateLookUp True",
        "unknown.test gaierror True",
        "127.0.0.1 connected True",
        "ConnectTimeoutError",
        "NameResolutionError",
    ], ran.stderr


def test_of_several_addresses_the_next_is_tried_in_the_time_that_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # and not at ::1
        began = time.monotonic()
        with closing(connect("localhost", server.getsockname()[1], 5)) as made:
            assert made.gettimeout() == 5
        assert time.monotonic() - began < 2


def test_where_nobody_listens_it_is_told_at_once() -> None:
    with pytest.raises(ConnectionRefusedError):
        connect("127.0.0.1", find_free_port(), 5)

"""Calls in a process patched by gevent, as the server's is; prints their outcomes as JSON.

python test/support/wires/patched_calls.py URL
"""

import gc
import json
import socket
import sys
import time
from typing import Any

import gevent
import httpx2
from certificates import server_and_client_tls
from gevent.server import StreamServer
from wires.calls import QUICK, Outcome, ask, provider_of
from wires.fixtures import WireServer
from wires.steps import TEXT
from wires.subjects import KINDS, base_url_of, model_of

from services.providers.config import Timeouts
from services.providers.wire.sockets import LeanSocket, LeanTlsSocket
from services.providers.wire.transport import BODY_EXTENSION, Urllib3Transport
from services.telemetry import logs

STREAMS = 100
PATIENCE_SECONDS = 60.0
PATIENT = Timeouts(connect_seconds=PATIENCE_SECONDS, read_seconds=PATIENCE_SECONDS)
TICK_SECONDS = 0.01


def main(root: str) -> None:
    """Make all calls."""
    logs.configure("warning", "json")
    wire = WireServer(int(root.rsplit(":", 1)[1]))
    told: dict[str, Any] = {kind: _called(kind, wire) for kind in KINDS}
    told["stall in TLS"], told["waits before it reads in TLS"] = _stall_in_tls()
    sys.stdout.write(json.dumps(told))


def _called(kind: str, wire: WireServer) -> dict[str, Any]:
    provider = provider_of(kind, base_url_of(kind, wire.url), models=(model_of(kind),))
    provider.warm_up()
    told: dict[str, Any] = {}

    began = time.monotonic()
    stalled = ask(provider, model="stall")
    told["stall"] = [stalled.ending, stalled.text == TEXT, time.monotonic() - began]
    told["live after a stall"] = wire.live(until=0)

    pinged = gevent.spawn(ask, provider, model="pings")
    pinged.join(QUICK.read_seconds * 3)
    told["pings end"] = pinged.ready()
    told["waits before it reads"] = _is_open(LeanSocket)
    pinged.kill()
    told["live after a kill"] = wire.live(until=0)
    provider.close()
    return told | _called_by_a_crowd(kind, wire)


def _called_by_a_crowd(kind: str, wire: WireServer) -> dict[str, Any]:
    """Make many calls at once, with a provider that a busy machine does not make impatient."""
    models = (model_of(kind),)
    provider = provider_of(kind, base_url_of(kind, wire.url), timeouts=PATIENT, models=models)
    provider.warm_up()
    told: dict[str, Any] = {}
    pauses: list[float] = []
    ticking = gevent.spawn(_tick, pauses)
    calls = [gevent.spawn(ask, provider, model="words-20-10") for _ in range(STREAMS)]
    gevent.joinall(calls, timeout=PATIENCE_SECONDS)
    ticking.kill()
    told["longest pause"] = max(pauses)
    told["complete"] = sum(_is_complete(call.value) for call in calls)
    connections = wire.seen()["connections"]
    gevent.joinall([gevent.spawn(ask, provider, model="words-1-0") for _ in range(STREAMS)])
    told["new connections"] = wire.seen()["connections"] - connections - 1
    provider.close()
    return told


def _tick(pauses: list[float]) -> None:
    """Note how long other greenlets held this one up."""
    while True:
        before = time.monotonic()
        gevent.sleep(TICK_SECONDS)
        pauses.append(time.monotonic() - before)


def _is_complete(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.text == " word" * 20 and outcome.ending == "stop"


def _is_open(kind: type[socket.socket]) -> bool:
    return any(isinstance(one, kind) and one.fileno() >= 0 for one in list(gc.get_objects()))


def _stall_in_tls() -> tuple[str, bool]:
    def serve(connection: Any, _address: object) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        while connection.recv(1 << 16):
            """Read the rest of the request, until the client leaves."""

    server_tls, client_tls = server_and_client_tls()
    server = StreamServer(("127.0.0.1", 0), serve, ssl_context=server_tls)
    server.start()
    transport = Urllib3Transport(client_tls)
    with httpx2.Client(transport=transport, timeout=QUICK.read_seconds) as client:
        url = f"https://localhost:{server.server_port}/"
        with client.stream("POST", url, json={}) as response:
            waits = _is_open(LeanTlsSocket)
            try:
                pieces = list(response.extensions[BODY_EXTENSION].pieces())
            except httpx2.TransportError as exc:
                return type(exc).__name__, waits
    return f"ended after {len(pieces)} pieces", waits


if __name__ == "__main__":
    main(sys.argv[1])

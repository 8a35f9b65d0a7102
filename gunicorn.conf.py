"""How gunicorn serves Charla; the settings are `services.settings`', told in configuration.md."""

import resource
import sys
from pathlib import Path
from typing import Any

import gevent

from services.runs.lock import DataDirTaken, take_server_lock
from services.settings import InvalidSettings, Settings

try:
    _settings = Settings.load()
except InvalidSettings as exc:
    sys.stderr.write(f"{exc}\n")
    sys.exit(2)

_server = _settings.server

chdir = str(Path(__file__).parent)
bind = f"{_server.host}:{_server.port}"
worker_class = "gevent"
workers = 1
worker_connections = 10_000
"""At the default of 1,000 as many open streams shut the door on `/health` and on stop."""
backlog = 2048
graceful_timeout = _server.graceful_timeout
timeout = _server.graceful_timeout + 60
"""A reloaded worker waits for the old one to drain before it answers for itself."""
keepalive = 2
control_socket_disable = True
loglevel = "warning"

_FILES_BESIDE_STREAMS = 500
_WATCH_SECONDS = 0.1


def on_starting(server: Any) -> None:
    """Take `DATA_DIR` for the life of the server, and as many open files as there may be."""
    try:
        server.charla_lock = take_server_lock(_server.data_dir)
    except DataDirTaken as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(2)
    _raise_open_files()


def _raise_open_files() -> None:
    """Raise the limit of open files: a stream takes one for its reader and one upstream."""
    wanted = 2 * _settings.limits.max_streams + _FILES_BESIDE_STREAMS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        streams = max(0, (allowed - _FILES_BESIDE_STREAMS) // 2)
        sys.stderr.write(
            f"Only {allowed} open files are allowed, enough for about {streams} streams: raise "
            f"`ulimit -n` to {wanted}, or lower MAX_STREAMS.\n"
        )


def post_worker_init(worker: Any) -> None:
    """Say where the server is, and drain when it is told to go."""
    services = worker.wsgi.extensions["charla"]
    sys.stdout.write(services.banner())
    sys.stdout.flush()
    gevent.spawn(_watch, worker, services.drain)


def _watch(worker: Any, drain: Any) -> None:
    while worker.alive:
        gevent.sleep(_WATCH_SECONDS)
    worker.cfg.set("keepalive", 0)  # nobody is waited for once the own answer is told
    drain.start()


def worker_exit(server: Any, worker: Any) -> None:
    """Settle what still runs: gunicorn itself waits for connections only."""
    del server
    if getattr(worker, "wsgi", None) is not None:  # it may not have got that far
        worker.wsgi.extensions["charla"].close()

"""How gunicorn serves Charla; Documentation/configuration.md tells what can be set.

The master imports only what reads the settings. What talks to others is imported in the workers,
after gevent's patches: what the master loads stays unpatched in them, and outlives a reload.
"""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import gevent
from gevent.server import StreamServer

from routes.transports.connections.bounds import Bounds
from services.domain.callers.proxies import TrustedProxies
from services.preflight.terminal import Terminal
from services.runs.leases.lock import DataDirTaken, take_server_lock
from services.settings.load import load_settings
from services.settings.whole import InvalidSettings
from services.telemetry.figure_files import FigureFiles, memory_folder
from services.telemetry.output import Output, keep_standard_streams, say

keep_standard_streams()
try:
    _settings = load_settings()
except InvalidSettings as exc:
    say(str(exc))
    sys.exit(2)

_server = _settings.server
_proxies = TrustedProxies.parse(_server.trusted_proxies)
_memory = memory_folder(_server.data_dir)
os.umask(0o077)  # what workers write is for this user alone, also if gunicorn is started by itself

chdir = str(Path(__file__).parent)
bind = _server.address
worker_class = "routes.transports.worker.StreamWorker"
workers = _settings.scaling.workers
backlog = 4096
"""A burst of thousands waits here to be accepted; Linux takes no more unless it is told to."""
graceful_timeout = _server.graceful_timeout
timeout = _server.graceful_timeout + 60
"""A reloaded worker waits for the old one to drain before it reports for itself."""
keepalive = _settings.connections.keepalive_seconds
worker_connections = 2 * _settings.max_connections
"""Never reached: the worker refuses the connections that are too many, gunicorn would wait."""
worker_tmp_dir = str(_memory)
"""A worker touches a file there each second: on a disk that stalls, it would stand still."""
control_socket_disable = True
sendfile = False
"""It would go past the bounds that a ClientSocket sets for whoever takes an answer slowly."""
forwarded_allow_ips = ""
"""By default gunicorn believes SCRIPT_NAME and X-Forwarded-Proto of everybody on this machine; what
is believed is TRUSTED_PROXIES' alone."""
loglevel = "warning"

# In a burst of 100 new streams the median time to the first word is 210 ms instead of 315: a few
# connections are accepted at a time, so the first are answered before the last are accepted.
StreamServer.max_accept = 2

_FILES_BESIDE_STREAMS = 500
_ARE_RIGHT = int(signal.SIGURG)
"""Nothing else sends this signal, and a process that does not wait for it ignores it."""


def on_starting(server: Any) -> None:
    """Lock the data folder for life, if only this server uses it, and allow enough open files."""
    try:
        if not _settings.scaling.shares_streams:
            server.charla_lock = take_server_lock(_server.data_dir)
    except DataDirTaken as exc:
        say(str(exc))
        sys.exit(2)
    server.charla_terminal = Terminal()
    _raise_open_files()
    _share_figures(server)


def on_reload(server: Any) -> None:
    """Share figures if there are several workers from now on."""
    _share_figures(server)


def on_exit(server: Any) -> None:
    """Remove the figures."""
    if server.charla_figures:
        server.charla_figures.remove()


def _share_figures(server: Any) -> None:
    """Make files for the figures of several workers; a single worker counts in its own memory."""
    server.charla_figures = getattr(server, "charla_figures", None)
    if _settings.scaling.workers > 1 and not server.charla_figures:
        server.charla_figures = FigureFiles(_memory)


def pre_fork(server: Any, worker: Any) -> None:
    """Give a worker its bounds and its slot; only here is it known which slots are free."""
    worker.bound(_bounds(), is_proxy=_proxies.believes)
    worker.charla_slot = None
    if server.charla_figures:
        taken = [living.charla_slot for living in server.WORKERS.values()]
        worker.charla_slot = server.charla_figures.free_slot(taken)


def post_fork(server: Any, worker: Any) -> None:
    """Let signals end the worker, and tell it its slot in its environment, which gunicorn sets."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        # Until gunicorn sets the worker's own handlers, the master's take it and do nothing here.
        signal.signal(number, signal.SIG_DFL)
    if worker.charla_slot is not None:
        place = server.charla_figures.environment(worker.charla_slot)
        worker.cfg.set("raw_env", [*worker.cfg.raw_env, *place])


def child_exit(server: Any, worker: Any) -> None:
    """Delete what a worker was doing from the figures, however it ended."""
    if worker.charla_slot is not None:
        server.charla_figures.forget(worker.charla_slot)


def _bounds() -> Bounds:
    """Give the bounds of a worker's connections, which have to fit the open files too."""
    wanted, streams = _settings.max_connections, _settings.limits.max_streams
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted + streams
    if soft != resource.RLIM_INFINITY:
        files = max(soft - _FILES_BESIDE_STREAMS, soft // 2)
    return Bounds(
        head_seconds=_settings.connections.head_timeout_seconds,
        body_seconds=_settings.connections.body_timeout_seconds,
        send_seconds=_settings.connections.send_timeout_seconds,
        bytes_per_second=_settings.connections.min_bytes_per_second,
        places=min(wanted, max(files - streams, files // 2)),
        unsent_bytes=_settings.connections.max_unsent_bytes,
        network_share=_settings.network_share,
    )


def _raise_open_files() -> None:
    """Raise the limit of open files: a connection takes one, and a stream one more upstream."""
    wanted = _settings.max_connections + _settings.limits.max_streams + _FILES_BESIDE_STREAMS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < allowed:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        except (ValueError, OSError):  # macOS has a bound that it does not tell as the hard limit
            allowed = soft
    if allowed < wanted:
        say(
            f"Only {allowed} open files are allowed, enough for about {_bounds().places} "
            f"connections: raise `ulimit -n` to {wanted}, or lower MAX_STREAMS."
        )


def when_ready(server: Any) -> None:
    """Reload on SIGHUP only if the settings are right; with wrong ones gunicorn alone would end.

    A process of its own checks them, and sends another signal if they are right: the master goes on
    meanwhile, and what the check imports stays out of all later workers. A SIGHUP because the
    terminal was closed ends the server, as Ctrl-C does.
    """

    def check(number: int, frame: Any) -> None:
        del number
        if server.charla_terminal.was_closed():
            server.signal(signal.SIGINT, frame)
            return
        command = [
            sys.executable,
            "-m",
            "services.preflight",
            str(os.getpid()),
            str(_ARE_RIGHT),
        ]
        try:
            server.charla_check = subprocess.Popen(command, start_new_session=True)  # noqa: S603 - nothing of a user's in it
        except OSError as exc:
            say(f"Not reloaded: the settings cannot be checked. {exc}")

    def reload(number: int, frame: Any) -> None:
        del number
        # The kernel takes the terminal away only after it has sent the signal.
        is_end = server.charla_terminal.was_closed()
        server.signal(signal.SIGINT if is_end else signal.SIGHUP, frame)

    signal.signal(signal.SIGHUP, check)
    signal.signal(_ARE_RIGHT, reload)


def post_worker_init(worker: Any) -> None:
    """Say where the server is, and drain when a signal asks for the end."""
    from services.worker.banner import banner  # noqa: PLC0415 - see the head of this file

    services = worker.wsgi.extensions["charla"]
    output = Output(1)
    if worker.age == 1:  # the first worker speaks for all
        output.write(banner(services))
    if _settings.scaling.workers > 1:
        output.write(f"  worker    {worker.pid} is ready\n")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal that closes sends it to all processes
    drain = services.drain
    signal.signal(signal.SIGTERM, lambda *_: gevent.spawn(_drain, worker, drain, drain.start))
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: gevent.spawn(_drain, worker, drain, drain.hurry))


def _drain(worker: Any, drain: Any, begin: Any) -> None:
    """Go on serving until the runs have ended: readers come back, and stop requests are obeyed.

    gunicorn's own handlers stop accepting within a second, or end the worker at once.
    """
    worker.cfg.set("keepalive", 0)  # a client that has its answer is not waited for
    worker.let_idle_go()
    begin()
    drain.wait()
    worker.let_unfinished_go()
    worker.alive = False


def worker_exit(server: Any, worker: Any) -> None:
    """Settle the runs that are left: gunicorn itself waits only for connections."""
    from services.worker import life  # noqa: PLC0415 - see the head of this file

    del server
    if getattr(worker, "wsgi", None) is not None:  # the worker may not have got that far
        life.end(worker.wsgi.extensions["charla"])

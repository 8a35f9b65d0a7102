"""The other end of the present request."""

import select
from functools import partial
from socket import socket

from flask import request
from gevent import monkey

from services.domain.callers.peers import Peer

GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
"""The peer sends nothing more; elsewhere than on Linux only: the connection is over."""

_poll = monkey.get_original("select", "poll")  # gevent's asks through the hub


def present_peer() -> Peer:
    """Describe who sent the present request."""
    address, connection = request.remote_addr or "", request.environ.get("gunicorn.socket")
    if connection is None:  # not gunicorn's: nobody can tell whether they are still there
        return Peer(address)
    return Peer(address, partial(has_left, connection))


def has_left(connection: socket) -> bool:
    """Tell, without waiting, whether the other end of a connection is gone."""
    if connection.fileno() < 0:  # closed here
        return True
    polled = _poll()
    polled.register(connection.fileno(), GONE)
    return bool(polled.poll(0))

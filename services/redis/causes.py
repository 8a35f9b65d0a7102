"""What it means that Redis does not do its work: why, and whether that passes by itself."""

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import redis

from services.domain.certificates import refused_certificate
from services.names.resolver import LateLookUp

FAILURES = (redis.RedisError, OSError)
"""All errors that Redis, and the way to it, can raise."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why Redis does not do its work, for people; it never holds a password.

    `passes`: it may pass without anybody changing a setting, here or there. `has_moved`: the server
    at the other end of a connection is not, or no longer, the one that takes writes.
    """

    text: str
    passes: bool = True
    has_moved: bool = False

    def __str__(self) -> str:
        """Give the text."""
        return self.text


class NoServer(redis.ConnectionError):
    """The Sentinels were asked, and know of no server; `passes` as in Cause."""

    def __init__(self, text: str, *, passes: bool) -> None:
        """Say what they answered."""
        super().__init__(text)
        self.passes = passes


_BY_CODE = {
    "READONLY": Cause("it is a replica and takes no writes: a failover?", has_moved=True),
    "MASTERDOWN": Cause("it is a replica that has lost its main server", has_moved=True),
    "UNBLOCKED": Cause("it has become a replica", has_moved=True),
    "LOADING": Cause("it has just started, and is loading its data"),
    "NOREPLICAS": Cause("it has too few replicas to take writes (min-replicas-to-write)"),
    "MISCONF": Cause("it takes no writes, because it cannot save to its disk: is the disk full?"),
    "OOM": Cause("its memory is full (maxmemory)"),
    "BUSY": Cause("it has been running a script of somebody else for too long"),
    "CLUSTERDOWN": Cause("its cluster is down"),
    "MOVED": Cause("it belongs to a cluster: use a single Redis", passes=False),
    "CROSSSLOT": Cause("it belongs to a cluster: use a single Redis", passes=False),
    "WRONGPASS": Cause("it refuses the user or the password", passes=False),
    "NOAUTH": Cause("it wants a password, and the URL has none", passes=False),
    "DENIED": Cause(
        "it is in protected mode and lets only its own machine in: set a password there",
        passes=False,
    ),
}

_NO_PASSWORD = Cause("it has no password, and the URL has one", passes=False)
_NO_DATABASE = Cause("it has no database of that number", passes=False)

_BY_WORDS = (
    ("without any password configured", _NO_PASSWORD),
    ("no password is set", _NO_PASSWORD),
    ("invalid password", _BY_CODE["WRONGPASS"]),
    ("invalid username-password", _BY_CODE["WRONGPASS"]),
    ("authentication required", _BY_CODE["NOAUTH"]),
    ("DB index is out of range", _NO_DATABASE),
    ("invalid DB index", _NO_DATABASE),
    ("SELECT is not allowed in cluster", _BY_CODE["MOVED"]),
    ("max number of clients", Cause("it lets no more clients in (maxclients)")),
    ("Connection closed by server", Cause("it closes the connection at once")),
    *((f"-{code} ", cause) for code, cause in _BY_CODE.items()),
)
"""What is in the words of an error; those of scripts quote the code that an older Redis gave."""


def _certificate(error: Exception) -> Cause:
    told = refused_certificate(error) or f"The certificate is refused: {error}."
    return Cause(f"{told[0].lower()}{told[1:].rstrip('.')}", passes=False)


def _tls(error: Exception) -> Cause:
    return Cause(f"no TLS can be agreed on with it ({getattr(error, 'reason', '') or error})")


def _name(error: Exception) -> Cause:
    told = getattr(error, "strerror", "") or error
    return Cause(f"the name of its host cannot be looked up ({told})")


_BY_CLASS: Sequence[tuple[type[Exception], Cause | Callable[[Exception], Cause]]] = (
    (redis.InvalidResponse, Cause("what answers there is no Redis", passes=False)),
    (ssl.SSLCertVerificationError, _certificate),
    (TimeoutError, Cause("it does not answer in time")),
    (redis.TimeoutError, Cause("it does not answer in time")),
    (ssl.SSLError, _tls),
    (socket.gaierror, _name),
    (ConnectionRefusedError, Cause("nobody listens at its address")),
    (FileNotFoundError, Cause("there is no such socket or file")),
)
"""What the network says, and what is said on it; the first that fits."""


def cause_of(error: Exception) -> Cause:
    """Tell what an error of redis-py means."""
    chain = list(_chain(error))
    if any(isinstance(one, LateLookUp) for one in chain):
        return Cause("the name server does not answer when it is asked for its host")
    for one in chain:
        found = _said(one) or _met(one)
        if found is not None:
            return found
    return Cause(f"{type(error).__name__}: {error}")


def _said(error: Exception) -> Cause | None:
    """Read what a server has said."""
    text = str(error)
    code = getattr(error, "status_code", None) or text.partition(" ")[0]
    if isinstance(error, NoServer):
        return Cause(text, passes=error.passes)
    if code == "NOPERM" or isinstance(error, redis.exceptions.NoPermissionError):
        return Cause(f"its user may not do all that is needed: {text}", passes=False)
    if "unknown command" in text:
        return Cause(f"it does not know a command that is needed: {text}", passes=False)
    by_words = (cause for words, cause in _BY_WORDS if words in text)
    return _BY_CODE.get(code) or next(by_words, None)


def _met(error: Exception) -> Cause | None:
    """Judge what was met on the way to it."""
    for kind, cause in _BY_CLASS:
        if isinstance(error, kind):
            return cause(error) if callable(cause) else cause
    return None


def _chain(error: Exception) -> Iterator[Exception]:
    """Give an error and what caused it: redis-py turns those of the system into its own."""
    seen: BaseException | None = error
    while isinstance(seen, Exception):
        yield seen
        seen = seen.__cause__ or seen.__context__

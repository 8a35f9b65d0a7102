"""The look-ups of a worker: each name has one at a time, in a thread of its own, and is remembered.

gevent looks names up in ten threads that all of a worker's parts share. A name server that hangs
keeps a thread for up to half a minute, so ten calls to one dead name would hold up every other one.
"""

import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any, NamedTuple

import gevent
from gevent.event import Event
from gevent.monkey import get_original
from gevent.resolver.thread import Resolver

AddressInfo = tuple[Any, ...]
"""As `socket.getaddrinfo` gives it: family, kind, protocol, canonical name, address."""

MOST_LOOK_UPS = 64
"""Names that may be looked up at once; there are no more in any server's settings."""

_MOST_KNOWN = 1000
_PASSING = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM})

_start_thread = get_original("_thread", "start_new_thread")
_ask_system: Callable[..., Sequence[AddressInfo]] = get_original("_socket", "getaddrinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTimes:
    """Seconds: how long answers hold, and how long callers wait.

    `known`, `unknown`: what was found holds, and that a name is unknown. `stale`: for how long what
    was found serves where the name server fails, and after `patience` without its answer, or half
    of the time that a caller has: the rest is for connecting. `most`: how long a caller waits who
    names no time.
    """

    known: float = 5.0
    unknown: float = 1.0
    stale: float = 3600.0
    patience: float = 1.0
    most: float = 5.0


class LateLookUp(TimeoutError):
    """A look-up got no answer in the time that its caller had."""


class _Key(NamedTuple):
    """What is looked up; ports are filled in afterwards."""

    name: str
    family: int
    kind: int
    protocol: int
    flags: int


@dataclass(frozen=True, slots=True)
class _Found:
    at: float
    addresses: Sequence[AddressInfo]
    error: Exception | None = None
    is_doubted: bool = False


@dataclass(slots=True)
class _LookUp:
    """One that is under way; `found` is set when it has ended."""

    began_at: float = field(default_factory=time.monotonic)
    found: _Found | None = None
    has_ended: Event = field(default_factory=Event)


class Names(Resolver):
    """gevent's resolver of a hub.

    A literal address asks nobody. All callers of a name share its look-up, and wait for it no
    longer than they say. A name whose addresses are known is answered from memory for a few
    seconds, and for an hour where the name server fails or hangs.
    """

    def __init__(
        self,
        hub: Any = None,
        times: NameTimes | None = None,
        ask: Callable[..., Sequence[AddressInfo]] = _ask_system,
    ) -> None:
        """Serve a hub (None: that of this thread); `ask` is `socket.getaddrinfo`, and may hang."""
        hub = hub or gevent.get_hub()
        super().__init__(hub)
        self._loop = hub.loop
        self._times = times or NameTimes()
        self._ask = ask
        self._known: dict[_Key, _Found] = {}
        self._under_way: dict[_Key, _LookUp] = {}

    def getaddrinfo(  # as `socket` has it
        self,
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002 - callers name it
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """Look a name up, and wait as long as the times say; raises socket.gaierror."""
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if isinstance(port, str | bytes) and not port.isdigit():
            # The name of a service: nothing here asks for one.
            return super().getaddrinfo(host, port, family, type, proto, flags)  # type: ignore[arg-type]  # as the system takes it
        port = None if port is None else int(port)
        if name is None or is_literal(name):
            return _ask_system(host, port, family, type, proto, flags)
        try:
            return self._find(_Key(name, family, type, proto, flags), port, self._times.most)
        except LateLookUp as exc:
            raise socket.gaierror(socket.EAI_AGAIN, str(exc)) from exc

    def addresses(self, name: str, port: int, seconds: float) -> Sequence[AddressInfo]:
        """Look up where to connect to; raises socket.gaierror and LateLookUp."""
        if is_literal(name):
            return _ask_system(name, port, 0, socket.SOCK_STREAM)
        return self._find(_Key(name, 0, socket.SOCK_STREAM, 0, 0), port, seconds)

    def forget(self, name: str) -> None:
        """Look a name up at the next call: nobody answers at the addresses that are known.

        They are all there is while the name server does not answer, and serve then as others do.
        """
        for key, known in self._known.items():
            if key.name == name:
                self._known[key] = replace(known, is_doubted=True)

    def _find(self, key: _Key, port: int | None, seconds: float) -> Sequence[AddressInfo]:
        known = self._known.get(key)
        if known is None or not self._is_fresh(known):
            known = self._find_anew(key, seconds, self._fallback(known))
        if known is None:
            raise LateLookUp(f"the look-up of {key.name} got no answer in {seconds:.3g} s")
        if known.error is not None:
            raise known.error
        return [_with_port(one, port or 0) for one in known.addresses]

    def _find_anew(self, key: _Key, seconds: float, fallback: _Found | None) -> _Found | None:
        look_up = self._under_way.get(key) or self._begin(key)
        if fallback is not None:
            # Who comes later does not wait anew for a look-up that hangs.
            patience = look_up.began_at + self._times.patience - time.monotonic()
            seconds = max(0.0, min(seconds / 2, patience))
        look_up.has_ended.wait(seconds)
        found = look_up.found
        is_better = found is not None and not (fallback is not None and _passes(found.error))
        return found if is_better else fallback

    def _fallback(self, known: _Found | None) -> _Found | None:
        """Give what was known, if it may serve where the name server does not."""
        if known is None or known.error is not None:
            return None
        return known if time.monotonic() - known.at < self._times.stale else None

    def _is_fresh(self, known: _Found) -> bool:
        if known.is_doubted:
            return False
        seconds = self._times.known if known.error is None else self._times.unknown
        return time.monotonic() - known.at < seconds

    def _begin(self, key: _Key) -> _LookUp:
        if len(self._under_way) >= MOST_LOOK_UPS:
            raise socket.gaierror(socket.EAI_AGAIN, "too many look-ups of names are under way")
        look_up = self._under_way[key] = _LookUp()
        _start_thread(self._look_up, (key,))
        return look_up

    def _look_up(self, key: _Key) -> None:
        """Ask, in a thread that may hang."""
        addresses, error = list[AddressInfo](), None
        try:
            addresses = list(self._ask(key.name, None, *key[1:]))
        except Exception as exc:  # noqa: BLE001 - told to whoever asked
            error = exc
        with contextlib.suppress(Exception):  # the worker may have ended
            self._loop.run_callback_threadsafe(self._end, key, addresses, error)

    def _end(self, key: _Key, addresses: list[AddressInfo], error: Exception | None) -> None:
        now = time.monotonic()
        look_up = self._under_way.pop(key)
        look_up.found = _Found(now, addresses, error)
        before = self._known.get(key)
        if _passes(error) and before is not None and now - before.at < self._times.stale:
            pass  # what was known is better than nothing
        else:
            self._known.pop(key, None)
            self._known[key] = look_up.found
        if len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        look_up.has_ended.set()


def is_literal(name: str) -> bool:
    """Tell whether this is an address already."""
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _passes(error: Exception | None) -> bool:
    """Tell whether an error says that the name server failed, and nothing of the name."""
    return isinstance(error, OSError) and error.errno in _PASSING


def _with_port(info: AddressInfo, port: int) -> AddressInfo:
    address, _, *rest = info[4]
    return (*info[:4], (address, port, *rest))
